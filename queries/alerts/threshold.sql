-- SPDX-License-Identifier: MIT
-- Is there more traffic than there should be?  (NfSen's alerts on total flows, packets, bytes)
--
--   :bps     so many bits a second are well          default 1000000000
--   :pps     so many packets a second                default 200000
--   :fps     so many flows a second                  default 20000
--   :minutes over so many minutes before :until      default 5
--   :until   the end of them                         default: the end of the store
--   :filter, :store                                  default: all flows of the store
--
-- Flows that go on are exported after some time: what is under way may not be in the last minutes yet.
--
-- Sample output (:until '2026-11-23 18:13:30', :minutes 1, :bps 100000, :fps 10):
-- ┌────────────────┬─────────┬─────────┬─────────────────────┬─────────────────────┐
-- │    measure     │  value  │ allowed │        since        │        until        │
-- ├────────────────┼─────────┼─────────┼─────────────────────┼─────────────────────┤
-- │ bits a second  │ 1236365 │ 100000  │ 2026-11-23 18:12:30 │ 2026-11-23 18:13:30 │
-- │ flows a second │ 18      │ 10      │ 2026-11-23 18:12:30 │ 2026-11-23 18:13:30 │
-- └────────────────┴─────────┴─────────┴─────────────────────┴─────────────────────┘

.mode box
.headers on

-- Key: measure
WITH span(until, seconds) AS (
    SELECT coalesce(flow_time(:until, 'until'), (SELECT max(last) FROM flow_files(NULL, NULL, :store))), 60 * coalesce(bounded(:minutes, 'minutes', 1, 52560000), 5)
), sums AS (
    SELECT datetime(span.until, -seconds || ' seconds') AS since, datetime(span.until) AS until, seconds,
           sum(flows) AS flows, sum(packets) AS packets, sum(bytes) AS bytes
    FROM span, traffic(datetime(span.until, -seconds || ' seconds'), span.until, :filter, :store)
), measured(measure, value, allowed) AS (
    SELECT 'bits a second', 8 * bytes / seconds, coalesce(bounded(:bps, 'bps', 0, 1e18), 1000000000) FROM sums
    UNION ALL SELECT 'packets a second', packets / seconds, coalesce(bounded(:pps, 'pps', 0, 1e18), 200000) FROM sums
    UNION ALL SELECT 'flows a second', flows / seconds, coalesce(bounded(:fps, 'fps', 0, 1e18), 20000) FROM sums
)
SELECT measure, value, allowed, since, until FROM measured, sums WHERE value > allowed;
