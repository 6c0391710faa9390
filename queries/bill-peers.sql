-- SPDX-License-Identifier: MIT
-- Why is my bill so high: with whom did the host talk, on that day?
--
--   :day     of the site's time zone, 2026-11-23     default: the last one of usage
--   :user, :group, :host                             a user or group of the site's table hosts ('': who has none), or an
--            address or network                      default: all that zone() calls local
--   :zone    of the peers                            default: all but local, which is what stays within the site
--   :n       how many, -1 for all                    default 20
--   :filter, :store                                  default: all flows of the site's store
--
-- Octets are those of the bill: the steps bill-days, bill-hosts, bill-peers, bill-ports and bill-flows, each with what the one
-- before says in `next`, add up to what the bill has as used.
-- From here on they are those of the flows that the store has.
--
-- Needs: site
--
-- Sample output (:day '2026-11-24', :host 192.168.1.20):
-- ┌──────────────┬──────────┬──────────┬───────┬─────────┬──────────┬─────────┬─────────┬──────────────────────────────────────────────────────────────────────────────────┐
-- │     peer     │   zone   │ network  │ flows │  sent   │ received │  bytes  │ percent │                                       next                                       │
-- ├──────────────┼──────────┼──────────┼───────┼─────────┼──────────┼─────────┼─────────┼──────────────────────────────────────────────────────────────────────────────────┤
-- │ 203.0.113.10 │ domestic │ provider │ 4     │ 1169827 │ 4173610  │ 5343437 │ 100.0   │ flowreport bill-ports --day 2026-11-24 --host '192.168.1.20' --peer 203.0.113.10 │
-- └──────────────┴──────────┴──────────┴───────┴─────────┴──────────┴─────────┴─────────┴──────────────────────────────────────────────────────────────────────────────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box --wrap 120
.headers on

WITH who(nets) AS (
    SELECT CASE WHEN :host IS NOT NULL THEN :host
                WHEN coalesce(nullif(:user, ''), nullif(:group, '')) IS NOT NULL THEN coalesce(
                    (SELECT group_concat(DISTINCT cidr) FROM hosts_by_address
                     WHERE (coalesce(:user, '') = '' OR user = :user) AND (coalesce(:group, '') = '' OR user_group = :group)),
                    refuse('no host of that user and group: see the table hosts')) END
), site(timezone) AS MATERIALIZED (SELECT max(value) FROM settings WHERE name = 'timezone'), day(day, since, until, step) AS MATERIALIZED (
    SELECT d, utc_time(d, timezone), utc_time(date(d, '+1 day'), timezone),
           coalesce((SELECT seconds FROM usage_step WHERE year = substr(d, 1, 4)), 900)
    FROM (SELECT timezone, coalesce(:day, date(local_time(coalesce((SELECT max(period) FROM usage),
                                                                   (SELECT max(last) FROM flow_files(NULL, NULL, :store))), timezone))) AS d
          FROM site)
    WHERE refuse(CASE WHEN NOT (:day GLOB '[0-9]*' AND date(:day, '+0 days') IS :day) THEN 'day = ' || :day || ': write it as 2026-11-23'
                      WHEN :zone NOT IN ('local', 'domestic', 'international') AND NOT EXISTS (SELECT 1 FROM networks WHERE zone = :zone)
                      THEN 'zone = ' || :zone || ': give local, domestic, international, or one that networks has'
                      WHEN :user <> '' AND NOT EXISTS (SELECT 1 FROM hosts WHERE user = :user) AND NOT EXISTS (SELECT 1 FROM usage WHERE user = :user)
                      THEN 'user = ' || :user || ': no such user in hosts, nor in usage'
                      WHEN :group <> '' AND NOT EXISTS (SELECT 1 FROM hosts WHERE user_group = :group)
                           AND NOT EXISTS (SELECT 1 FROM usage WHERE user_group = :group)
                      THEN 'group = ' || :group || ': no such group in hosts, nor in usage' END) IS NULL
), given(words) AS ( -- what was given, for the next step
    SELECT coalesce(group_concat(' --' || column1 || ' ''' || replace(column2, '''', '''\''''') || '''', ''), '')
    FROM (VALUES ('host', :host), ('user', :user), ('group', :group), ('zone', :zone), ('filter', :filter), ('store', :store)) WHERE column2 IS NOT NULL
), seen AS MATERIALIZED (
    SELECT b.peer, b.zone, sum(b.octets_out) AS sent, sum(b.octets_in) AS received, sum(b.flows_out + b.flows_in) AS flows
    FROM billable AS b
    WHERE coalesce(:user, :group) IS NULL AND b.since = (SELECT since FROM day) AND b.until = (SELECT until FROM day)
      AND b.filter = :filter AND b.store = :store AND b.endnet = (SELECT nets FROM who)
      AND (:zone IS NULL AND b.zone <> 'local' OR b.zone = :zone)
    GROUP BY 1, 2
    UNION ALL
    SELECT b.peer, b.zone, sum(b.octets_out) AS sent, sum(b.octets_in) AS received, sum(b.flows_out + b.flows_in) AS flows
    FROM billable AS b
    WHERE coalesce(:user, :group) IS NOT NULL AND b.since = (SELECT since FROM day) AND b.until = (SELECT until FROM day)
      AND b.filter = :filter AND b.store = :store AND b.endnet = (SELECT nets FROM who) AND b.bucket = (SELECT step FROM day)
      AND (:zone IS NULL AND b.zone <> 'local' OR b.zone = :zone)
      AND (:user IS NULL OR coalesce(host_user(b.host, b.time), '') = :user)
      AND (:group IS NULL OR coalesce(host_group(b.host, b.time), '') = :group)
    GROUP BY 1, 2
)
SELECT peer, zone, network(peer) AS network, flows, sent, received,
       sent + received AS bytes, round(100.0 * (sent + received) / sum(sent + received) OVER (), 1) AS percent,
       'flowreport bill-ports --day ' || day || words || ' --peer ' || peer AS next
FROM seen, day, given
ORDER BY bytes DESC, peer
LIMIT coalesce(:n, 20);

WITH site(timezone) AS MATERIALIZED (SELECT max(value) FROM settings WHERE name = 'timezone'), day(day, since, until, step) AS MATERIALIZED (
    SELECT d, utc_time(d, timezone), utc_time(date(d, '+1 day'), timezone),
           coalesce((SELECT seconds FROM usage_step WHERE year = substr(d, 1, 4)), 900)
    FROM (SELECT timezone, coalesce(:day, date(local_time(coalesce((SELECT max(period) FROM usage),
                                                                   (SELECT max(last) FROM flow_files(NULL, NULL, :store))), timezone))) AS d
          FROM site)
    WHERE refuse(CASE WHEN NOT (:day GLOB '[0-9]*' AND date(:day, '+0 days') IS :day) THEN 'day = ' || :day || ': write it as 2026-11-23' END) IS NULL
)
SELECT losses(since, until, :store) AS losses FROM day;
