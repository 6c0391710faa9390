-- SPDX-License-Identifier: MIT
-- Whom do answers flood that he did not ask for, or that are far larger than what was asked?
--
--   :ports   UDP ports of services that amplify      default '17 19 53 69 111 123 137 161 389 520 1434 1900
--                                                    3283 3702 5353 5683 10001 11211 27015'
--   :ratio   octets of answers to those of questions, at least  default 10
--   :min     octets of answers, at least             default 1000000
--   :n       how many, -1 for all                    default 20
--   :since, :until, :filter, :store                  default: everything in the store
--
-- Seen from the victim's network there are answers without questions: then ratio is NULL. Seen from the
-- network of the reflectors, the questions are there, with the victim's address as their source.
--
-- Sample output (:min 100, :ratio 1):
-- ┌────────────────┬──────┬────────────┬───────┬─────────┬───────┬───────┬───────┬─────────────────────────┬─────────────────────────┐
-- │     victim     │ port │ reflectors │ flows │ packets │ bytes │ asked │ ratio │       first_seen        │        last_seen        │
-- ├────────────────┼──────┼────────────┼───────┼─────────┼───────┼───────┼───────┼─────────────────────────┼─────────────────────────┤
-- │ 192.168.1.10   │ 53   │ 1          │ 8     │ 8       │ 788   │ 672   │ 1.2   │ 2026-11-23 18:12:36.096 │ 2026-11-23 18:13:25.536 │
-- │ 2001:db8:1::10 │ 53   │ 1          │ 6     │ 6       │ 708   │ 624   │ 1.1   │ 2026-11-23 18:12:39.077 │ 2026-11-23 18:13:24.787 │
-- └────────────────┴──────┴────────────┴───────┴─────────┴───────┴───────┴───────┴─────────────────────────┴─────────────────────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH asked(ports, ratio) AS MATERIALIZED (
    SELECT coalesce(:ports, '17 19 53 69 111 123 137 161 389 520 1434 1900 3283 3702 5353 5683 10001 11211 27015'),
           coalesce(bounded(:ratio, 'ratio', 0, 1e18), 10)
), answers AS MATERIALIZED (
    SELECT dstip AS victim, srcport AS port, flows, packets, bytes, counted AS reflectors, first AS first_seen, last AS last_seen
    FROM traffic(:since, :until, filter_and(:filter, 'proto udp and ' || filter_in('src port', (SELECT ports FROM asked), 'ports')), :store)
    WHERE count_of = 'srcip' AND bytes >= coalesce(bounded(:min, 'min', 0, 1e18), 1000000)
), questions AS MATERIALIZED (
    SELECT srcip AS victim, dstport AS port, sum(bytes) AS bytes
    FROM traffic(:since, :until, filter_and(:filter, 'proto udp and ' || filter_in('dst port', (SELECT ports FROM asked), 'ports')), :store)
    WHERE srcip IN (SELECT victim FROM answers)
    GROUP BY srcip, dstport
)
SELECT a.victim, a.port, a.reflectors, a.flows, a.packets, a.bytes, q.bytes AS asked,
       round(1.0 * a.bytes / q.bytes, 1) AS ratio, a.first_seen, a.last_seen
FROM asked CROSS JOIN answers a LEFT JOIN questions q USING (victim, port)
WHERE q.bytes IS NULL OR a.bytes >= ratio * q.bytes
ORDER BY a.bytes DESC, a.victim, a.port
LIMIT coalesce(:n, 20);

SELECT losses(:since, :until, :store) AS losses;
