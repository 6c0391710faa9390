-- SPDX-License-Identifier: MIT
-- Which ports carry most?  (nfdump -s port:p/bytes -n 10)
--
--   :n       how many ports, -1 for all              default 10
--   :min     leave out those below so many bytes     default 0
--   :since, :until, :filter, :store                  default: everything in the store
--
-- Every flow counts at both of its ports, so a service stands beside the clients' ports that used it.
-- Percentages are of both ends of all traffic: those of all ports add up to 100, or less where there is
-- traffic without ports (ICMP), which is left out.
--
-- Sample output (:n 5):
-- ┌───────┬───────┬───────┬─────────┬─────────┬─────────┐
-- │ proto │ port  │ flows │ packets │  bytes  │ percent │
-- ├───────┼───────┼───────┼─────────┼─────────┼─────────┤
-- │ tcp   │ 80    │ 836   │ 8232    │ 6633365 │ 35.7    │
-- │ tcp   │ 59744 │ 2     │ 4263    │ 4222021 │ 22.7    │
-- │ tcp   │ 43702 │ 2     │ 1201    │ 1121416 │ 6.0     │
-- │ tcp   │ 55238 │ 2     │ 1257    │ 1090854 │ 5.9     │
-- │ tcp   │ 443   │ 30    │ 1174    │ 1076286 │ 5.8     │
-- └───────┴───────┴───────┴─────────┴─────────┴─────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

SELECT proto_name(proto) AS proto, port, flows, packets, bytes, percent
FROM (SELECT proto, port, flows, packets, bytes, round(100.0 * bytes / total_bytes, 1) AS percent
      FROM endpoints(:since, :until, :filter, :store)
      WHERE +port IS NOT NULL -- which the table is not asked for, so that total_bytes has what is without ports, too
      ORDER BY bytes DESC, port, proto
      LIMIT coalesce(:n, 10)) AS listed
WHERE bytes >= coalesce(bounded(:min, 'min', 0, 1e18), 0)
ORDER BY bytes DESC, port, listed.proto;

SELECT losses(:since, :until, :store) AS losses;
