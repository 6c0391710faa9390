-- SPDX-License-Identifier: MIT
-- Why is my bill so high: which flows were it, on that day?
--
--   :day     of the site's time zone, 2026-11-23     default: the last day of the store
--   :host, :peer                                     addresses or networks; default: all
--   :proto   tcp, udp, ... or a number               default: all
--   :port    of either side                          default: all
--   :n       how many, the largest, -1 for all       default 20
--   :filter, :store                                  default: all flows of the store
--
-- The last step of the chain that begins with bill-days.
--
-- Needs: site
--
-- Sample output (:host 192.168.1.20, :peer 203.0.113.10, :proto tcp, :port 80):
-- ┌─────────────────────────┬──────────┬───────┬────────────────────┬────────────────────┬──────────┬─────────┬─────────┐
-- │       first_seen        │ duration │ proto │        src         │        dst         │  flags   │ packets │  bytes  │
-- ├─────────────────────────┼──────────┼───────┼────────────────────┼────────────────────┼──────────┼─────────┼─────────┤
-- │ 2026-11-23 18:12:48.079 │ 1.134    │ tcp   │ 203.0.113.10:80    │ 192.168.1.20:59744 │ ...AP.SF │ 2767    │ 4144138 │
-- │ 2026-11-23 18:13:02.083 │ 0.818    │ tcp   │ 192.168.1.20:43702 │ 203.0.113.10:80    │ ...AP.SF │ 735     │ 1091944 │
-- │ 2026-11-23 18:12:48.079 │ 1.134    │ tcp   │ 192.168.1.20:59744 │ 203.0.113.10:80    │ ...AP.SF │ 1496    │ 77883   │
-- │ 2026-11-23 18:13:02.083 │ 0.818    │ tcp   │ 203.0.113.10:80    │ 192.168.1.20:43702 │ ...AP.SF │ 466     │ 29472   │
-- └─────────────────────────┴──────────┴───────┴────────────────────┴────────────────────┴──────────┴─────────┴─────────┘

.mode box
.headers on

WITH tz(name) AS MATERIALIZED (SELECT max(value) FROM settings WHERE name = 'timezone'),
day(day, since, until) AS MATERIALIZED (
    SELECT d, utc_time(d, tz.name), utc_time(date(d, '+1 day'), tz.name)
    FROM tz, (SELECT coalesce(date(:day), CASE WHEN :day IS NULL THEN date(local_time(max(last), (SELECT name FROM tz)))
                                        ELSE refuse('day: ' || :day || ': a day is 2026-11-23') END) AS d
              FROM flow_files(NULL, NULL, :store))
), asked(filter, inside) AS MATERIALIZED (
    -- What is of zone local lies in one of these networks: of flows with an end elsewhere nobody need ask for its zone.
    SELECT coalesce('(' || :filter || ') and ', '') || coalesce('host in [' || :host || '] and ', '') ||
           coalesce('host in [' || :peer || '] and ', '') || coalesce('proto ' || :proto || ' and ', '') ||
           coalesce('port ' || :port, 'any'), 'src net in [' || nets || '] and dst net in [' || nets || ']'
    FROM (SELECT '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 224.0.0.0/3 ' ||
                 '::/127 fc00::/7 fe80::/10 ff00::/8 ' ||
                 coalesce((SELECT group_concat(cidr, ' ') FROM networks WHERE zone = 'local'), '') AS nets)
), largest AS MATERIALIZED (
    SELECT * FROM (
        SELECT tstart, duration, proto, srcip, srcport, dstip, dstport, icmptype, icmpcode, tcpflags, packets, bytes
        FROM flows((SELECT since FROM day), (SELECT until FROM day), (SELECT '(' || filter || ') and not (' || inside || ')' FROM asked), :store)
        ORDER BY bytes DESC, tstart LIMIT coalesce(:n, 20))
    UNION ALL SELECT * FROM (
        SELECT tstart, duration, proto, srcip, srcport, dstip, dstport, icmptype, icmpcode, tcpflags, packets, bytes
        FROM flows((SELECT since FROM day), (SELECT until FROM day), (SELECT '(' || filter || ') and ' || inside FROM asked), :store)
        WHERE zone(srcip) <> 'local' OR zone(dstip) <> 'local'
        ORDER BY bytes DESC, tstart LIMIT coalesce(:n, 20))
)
SELECT tstart AS first_seen, duration, proto_name(f.proto) AS proto, srcip || ':' || coalesce(srcport, 0) AS src,
       dstip || ':' || coalesce(dstport, icmptype || '.' || icmpcode, 0) AS dst, tcp_flags(tcpflags) AS flags,
       packets, bytes
FROM largest f
ORDER BY bytes DESC, tstart
LIMIT coalesce(:n, 20);
