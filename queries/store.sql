-- SPDX-License-Identifier: MIT
-- How large is the store, and how many days will the disk last?
--
--   :days    the measure is so many days before the newest, which may not be over  default 7
--   :free    octets that there is room for, as 100e9  default: what is free on the store's disk now
--   :store
--
-- Files that flowcollect merged are smaller than those of the days that are not over. flowcollect -e says
-- when it removes the oldest; this tells when the disk would be full if it did not.
--
-- Sample output (:free 100e9):
-- ┌────────────┬───────┬───────┬────────┬───────────────┐
-- │    day     │ files │ flows │ octets │ octets_a_flow │
-- ├────────────┼───────┼───────┼────────┼───────────────┤
-- │ 2026-11-23 │ 1     │ 1143  │ 12128  │ 10.6          │
-- └────────────┴───────┴───────┴────────┴───────────────┘
-- ┌────────────┬────────────┬───────┬───────┬────────┬──────────────┬──────────────┬───────────┐
-- │ first_day  │  last_day  │ files │ flows │ octets │ octets_a_day │ octets_free  │ days_left │
-- ├────────────┼────────────┼───────┼───────┼────────┼──────────────┼──────────────┼───────────┤
-- │ 2026-11-23 │ 2026-11-23 │ 1     │ 1143  │ 12128  │ 12128        │ 100000000000 │ 8245382.6 │
-- └────────────┴────────────┴───────┴───────┴────────┴──────────────┴──────────────┴───────────┘

.mode box
.headers on

-- Title: By day
SELECT date(begin) AS day, count(*) AS files, sum(flows) AS flows, sum(size) AS octets,
       round(1.0 * sum(size) / nullif(sum(rows), 0), 1) AS octets_a_flow
FROM flow_files(NULL, NULL, :store)
GROUP BY date(begin)
ORDER BY date(begin) DESC
LIMIT coalesce(bounded(:days, 'days', 1, 36500), 7) + 1;

-- Title: Altogether
WITH days AS MATERIALIZED (
    SELECT date(begin) AS day, count(*) AS files, sum(flows) AS flows, sum(size) AS octets, max(path) AS path
    FROM flow_files(NULL, NULL, :store) GROUP BY date(begin)
), newest AS (
    SELECT * FROM days
    WHERE day < (SELECT max(day) FROM days) AND
          day >= date((SELECT max(day) FROM days), printf('-%d days', coalesce(bounded(:days, 'days', 1, 36500), 7)))
), rate(a_day) AS (
    SELECT coalesce((SELECT CAST(avg(octets) AS INTEGER) FROM newest), (SELECT octets FROM days ORDER BY day DESC LIMIT 1))
)
SELECT min(day) AS first_day, max(day) AS last_day, sum(files) AS files, sum(flows) AS flows,
       sum(octets) AS octets, a_day AS octets_a_day, CAST(free AS INTEGER) AS octets_free,
       round(1.0 * free / nullif(a_day, 0), 1) AS days_left
FROM days, rate, (SELECT coalesce(bounded(:free, 'free', 0, 1e18), disk_free(max(path))) AS free FROM days)
HAVING count(*) > 0;
