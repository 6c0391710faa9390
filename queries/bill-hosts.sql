-- SPDX-License-Identifier: MIT
-- Why is my bill so high: which hosts was it, on that day?
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
-- They are those of usage, which is kept when the flows have gone; with :filter or :store, those of the flows that the store
-- has.
--
-- Needs: site, usage
--
-- Sample output (:day '2026-11-24', :group students):
-- ┌────────────────┬────────┬──────┬───────┬─────────┬──────────┬─────────┬─────────┬─────────────────────────────────────────────────────────────────────────────────┐
-- │      host      │  name  │ user │ flows │  sent   │ received │  bytes  │ percent │                                      next                                       │
-- ├────────────────┼────────┼──────┼───────┼─────────┼──────────┼─────────┼─────────┼─────────────────────────────────────────────────────────────────────────────────┤
-- │ 192.168.1.20   │ lab-pc │ bob  │ 4     │ 1169827 │ 4173610  │ 5343437 │ 73.8    │ flowreport bill-peers --day 2026-11-24 --host 192.168.1.20 --group 'students'   │
-- │ 2001:db8:1::20 │ lab-pc │ bob  │ 4     │ 42961   │ 1054133  │ 1097094 │ 15.2    │ flowreport bill-peers --day 2026-11-24 --host 2001:db8:1::20 --group 'students' │
-- │ 192.168.1.30   │ tv     │ eve  │ 2     │ 400000  │ 400000   │ 800000  │ 11.0    │ flowreport bill-peers --day 2026-11-24 --host 192.168.1.30 --group 'students'   │
-- └────────────────┴────────┴──────┴───────┴─────────┴──────────┴─────────┴─────────┴─────────────────────────────────────────────────────────────────────────────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box --wrap 120
.headers on

DROP TABLE IF EXISTS temp.asked;

CREATE TEMP TABLE asked AS
SELECT day, utc_time(day, timezone) AS since, utc_time(date(day, '+1 day'), timezone) AS until,
       coalesce((SELECT seconds FROM usage_step WHERE year = substr(day, 1, 4)), 900) AS step,
       -- where the hosts of a user or group are, of which billable knows nothing
       CASE WHEN coalesce(:filter, :store) IS NULL OR :host IS NOT NULL OR coalesce(nullif(:user, ''), nullif(:group, '')) IS NULL THEN :host
            ELSE coalesce((SELECT group_concat(DISTINCT cidr) FROM hosts_by_address
                           WHERE coalesce(:user, '') IN ('', user) AND coalesce(:group, '') IN ('', user_group)),
                          refuse('no host of that user and group: see the table hosts')) END AS nets,
       coalesce(:zone, '') AS zone_from, coalesce(:zone, char(1114111)) AS zone_to, iif(:zone IS NULL, 'local', '') AS zone_but,
       (SELECT coalesce(group_concat(' --' || column1 || iif(column2 LIKE '--%', '=''', ' ''') || replace(column2, '''', '''\''''') || '''', ''), '')
        FROM (VALUES ('user', :user), ('group', :group), ('zone', :zone), ('filter', :filter), ('store', :store)) WHERE column2 IS NOT NULL) AS words -- what was given, for the next step
FROM (SELECT timezone, coalesce(:day, date(local_time(coalesce((SELECT max(period) FROM usage), (SELECT max(last) FROM flow_files(NULL, NULL, :store))),
                                                      timezone))) AS day
      FROM site_timezone)
WHERE refuse(CASE WHEN NOT (:day GLOB '[0-9]*' AND date(:day, '+0 days') IS :day) THEN 'day = ' || :day || ': write it as 2026-11-23'
                      WHEN :zone NOT IN known_zones THEN 'zone = ' || :zone || ': give local, domestic, international, or one that networks has'
                      WHEN :user <> '' AND NOT EXISTS (SELECT 1 FROM known_users WHERE user = :user)
                      THEN 'user = ' || :user || ': no such user in hosts, nor in usage'
                      WHEN :group <> '' AND NOT EXISTS (SELECT 1 FROM known_groups WHERE user_group = :group)
                      THEN 'group = ' || :group || ': no such group in hosts, nor in usage' END) IS NULL;

WITH seen AS MATERIALIZED (
    SELECT u.host, sum(u.octets_out) AS sent, sum(u.octets_in) AS received, sum(u.flows_out + u.flows_in) AS flows
    FROM asked CROSS JOIN usage_total AS u
    WHERE coalesce(:filter, :store) IS NULL AND u.day = asked.day AND u.zone BETWEEN zone_from AND zone_to AND u.zone <> zone_but
      AND (:host IS NULL OR ip_in(u.host, :host)) AND (:user IS NULL OR u.user = :user) AND (:group IS NULL OR u.user_group = :group)
    GROUP BY 1
    UNION ALL
    SELECT b.host, sum(b.octets_out) AS sent, sum(b.octets_in) AS received, sum(b.flows_out + b.flows_in) AS flows
    FROM billable AS b
    WHERE coalesce(:filter, :store) IS NOT NULL AND coalesce(:user, :group) IS NULL AND b.since = (SELECT since FROM asked) AND b.until = (SELECT until FROM asked)
      AND b.filter = :filter AND b.store = :store AND b.endnet = (SELECT nets FROM asked)
      AND b.zone BETWEEN (SELECT zone_from FROM asked) AND (SELECT zone_to FROM asked) AND b.zone <> (SELECT zone_but FROM asked)
    GROUP BY 1
    UNION ALL
    SELECT b.host, sum(b.octets_out) AS sent, sum(b.octets_in) AS received, sum(b.flows_out + b.flows_in) AS flows
    FROM billable AS b
    WHERE coalesce(:filter, :store) IS NOT NULL AND coalesce(:user, :group) IS NOT NULL AND b.since = (SELECT since FROM asked) AND b.until = (SELECT until FROM asked)
      AND b.filter = :filter AND b.store = :store AND b.endnet = (SELECT nets FROM asked)
      AND b.bucket = (SELECT step FROM asked)
      AND b.zone BETWEEN (SELECT zone_from FROM asked) AND (SELECT zone_to FROM asked) AND b.zone <> (SELECT zone_but FROM asked)
      AND (:user IS NULL OR coalesce(host_user(b.host, b.time), '') = :user)
      AND (:group IS NULL OR coalesce(host_group(b.host, b.time), '') = :group)
    GROUP BY 1
)
SELECT host, host_name(host, since) AS name, host_user(host, since) AS user, flows, sent, received,
       sent + received AS bytes, round(100.0 * (sent + received) / sum(sent + received) OVER (), 1) AS percent,
       'flowreport bill-peers --day ' || day || ' --host ' || host || words AS next
FROM seen, asked
ORDER BY bytes DESC, host
LIMIT coalesce(:n, 20);

SELECT losses(since, until, :store) AS losses FROM asked;
