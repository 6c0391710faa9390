-- SPDX-License-Identifier: MIT
-- Why is my bill so high: what did the host do with the peer, on that day?
--
--   :day     of the site's time zone, 2026-11-23     default: the last one of usage
--   :user, :group, :host                             a user or group of the site's table hosts ('': who has none), or an
--            address or network                      default: all that zone() calls local
--   :zone    of the peers                            default: all but local, which is what stays within the site
--   :peer    an address or network                   default: all
--   :n       how many, -1 for all                    default 20
--   :filter, :store                                  default: all flows of the site's store
--
-- Octets are those of the bill: the steps bill-days, bill-hosts, bill-peers, bill-ports and bill-flows, each with what the one
-- before says in `next`, add up to what the bill has as used.
-- The port is the lower one of the two, and application what the site's services call it.
--
-- Needs: site
--
-- Sample output (:day '2026-11-24', :host 192.168.1.20, :peer 203.0.113.10):
-- ┌─────────────┬───────┬──────┬───────┬─────────┬──────────┬─────────┬─────────┬──────────────────────────────────────────────────────────────────────────────────────────────────────────┐
-- │ application │ proto │ port │ flows │  sent   │ received │  bytes  │ percent │                                                   next                                                   │
-- ├─────────────┼───────┼──────┼───────┼─────────┼──────────┼─────────┼─────────┼──────────────────────────────────────────────────────────────────────────────────────────────────────────┤
-- │ http        │ tcp   │ 80   │ 4     │ 1169827 │ 4173610  │ 5343437 │ 100.0   │ flowreport bill-flows --day 2026-11-24 --host '192.168.1.20' --peer '203.0.113.10' --proto tcp --port 80 │
-- └─────────────┴───────┴──────┴───────┴─────────┴──────────┴─────────┴─────────┴──────────────────────────────────────────────────────────────────────────────────────────────────────────┘
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
       CASE WHEN :host IS NOT NULL OR coalesce(nullif(:user, ''), nullif(:group, '')) IS NULL THEN :host
            ELSE coalesce((SELECT group_concat(DISTINCT cidr) FROM hosts_by_address
                           WHERE coalesce(:user, '') IN ('', user) AND coalesce(:group, '') IN ('', user_group)),
                          refuse('no host of that user and group: see the table hosts')) END AS nets,
       coalesce(:zone, '') AS zone_from, coalesce(:zone, char(1114111)) AS zone_to, iif(:zone IS NULL, 'local', '') AS zone_but,
       (SELECT coalesce(group_concat(' --' || column1 || iif(column2 LIKE '--%', '=''', ' ''') || replace(column2, '''', '''\''''') || '''', ''), '')
        FROM (VALUES ('host', :host), ('user', :user), ('group', :group), ('zone', :zone), ('peer', :peer), ('filter', :filter), ('store', :store)) WHERE column2 IS NOT NULL) AS words -- what was given, for the next step
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
    SELECT b.proto, b.lowport, sum(b.octets_out) AS sent, sum(b.octets_in) AS received, sum(b.flows_out + b.flows_in) AS flows
    FROM billable AS b
    WHERE coalesce(:user, :group) IS NULL AND b.since = (SELECT since FROM asked) AND b.until = (SELECT until FROM asked)
      AND b.filter = :filter AND b.store = :store AND b.endnet = (SELECT nets FROM asked) AND b.peernet = :peer
      AND b.zone BETWEEN (SELECT zone_from FROM asked) AND (SELECT zone_to FROM asked) AND b.zone <> (SELECT zone_but FROM asked)
    GROUP BY 1, 2
    UNION ALL
    SELECT b.proto, b.lowport, sum(b.octets_out) AS sent, sum(b.octets_in) AS received, sum(b.flows_out + b.flows_in) AS flows
    FROM billable AS b
    WHERE coalesce(:user, :group) IS NOT NULL AND b.since = (SELECT since FROM asked) AND b.until = (SELECT until FROM asked)
      AND b.filter = :filter AND b.store = :store AND b.endnet = (SELECT nets FROM asked) AND b.peernet = :peer
      AND b.bucket = (SELECT step FROM asked)
      AND b.zone BETWEEN (SELECT zone_from FROM asked) AND (SELECT zone_to FROM asked) AND b.zone <> (SELECT zone_but FROM asked)
      AND (:user IS NULL OR coalesce(host_user(b.host, b.time), '') = :user)
      AND (:group IS NULL OR coalesce(host_group(b.host, b.time), '') = :group)
    GROUP BY 1, 2
)
SELECT application(proto, lowport, lowport) AS application, proto_name(proto) AS proto, lowport AS port, flows, sent, received, sent + received AS bytes,
       round(100.0 * (sent + received) / (SELECT sum(sent + received) FROM seen), 1) AS percent,
       'flowreport bill-flows --day ' || day || words || ' --proto ' || proto_name(proto) || ' --port ' || coalesce(lowport, 'none') AS next
FROM (SELECT * FROM seen ORDER BY sent + received DESC, proto, lowport LIMIT coalesce(:n, 20)) AS listed, asked
ORDER BY bytes DESC, listed.proto, port;

SELECT losses(since, until, :store) AS losses FROM asked;
