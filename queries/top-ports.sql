-- SPDX-License-Identifier: MIT
-- Which ports carry most?  (nfdump -s port:p/bytes -n 10)
--
--   :n       how many ports, -1 for all              default 10
--   :min     leave out those below so many bytes     default 0
--   :since, :until, :filter, :store                  default: everything in the store
--
-- Every flow counts at both of its ports, so a service stands beside the clients' ports that used
-- it. Traffic without ports (ICMP) is left out.
--
-- Sample output (:n 5):
-- ┌───────┬───────┬───────┬─────────┬─────────┐
-- │ proto │ port  │ flows │ packets │  bytes  │
-- ├───────┼───────┼───────┼─────────┼─────────┤
-- │ tcp   │ 80    │ 836   │ 8232    │ 6633365 │
-- │ tcp   │ 59744 │ 2     │ 4263    │ 4222021 │
-- │ tcp   │ 43702 │ 2     │ 1201    │ 1121416 │
-- │ tcp   │ 55238 │ 2     │ 1257    │ 1090854 │
-- │ tcp   │ 443   │ 30    │ 1174    │ 1076286 │
-- └───────┴───────┴───────┴─────────┴─────────┘

.mode box
.headers on

SELECT proto_name(proto) AS proto, port, sum(flows_out + flows_in) AS flows,
       sum(packets_out + packets_in) AS packets, sum(bytes_out + bytes_in) AS bytes
FROM endpoints(:since, :until, :filter, :store)
WHERE port IS NOT NULL
GROUP BY proto, port
HAVING bytes >= coalesce(:min, 0)
ORDER BY bytes DESC, port
LIMIT coalesce(:n, 10);
