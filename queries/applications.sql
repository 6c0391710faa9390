-- SPDX-License-Identifier: MIT
-- What is the share of each application, or of application X?
--
--   :application  only this one                      default: all
--   :by      services, or app: what names them       default services
--   :n       how many, -1 for all                    default 20
--   :since, :until, :filter, :store                  default: everything in the store
--
-- Applications are those of the site's table services, by protocol and ports, or with :by app what exporters
-- have recognised, such as flowprobe -k: `TLS.YouTube` is YouTube over TLS, `Unknown` was looked at in vain, an
-- empty one is of exporters that do not say; :application YouTube is over whatever. Both directions of a connection are of one, and each flow counts
-- once, so that percentages, which are of all traffic, add up to 100.
--
-- Needs: site
--
-- Sample output (:n 6):
-- ┌─────────────┬───────┬─────────┬─────────┬───────────┬─────────┬─────────┐
-- │ application │ flows │ flows % │ packets │ packets % │  bytes  │ bytes % │
-- ├─────────────┼───────┼─────────┼─────────┼───────────┼─────────┼─────────┤
-- │ http        │ 836   │ 73.1    │ 8232    │ 55.6      │ 6633365 │ 71.5    │
-- │ other       │ 245   │ 21.4    │ 5258    │ 35.5      │ 1544076 │ 16.6    │
-- │ https       │ 30    │ 2.6     │ 1174    │ 7.9       │ 1076286 │ 11.6    │
-- │ ssh         │ 4     │ 0.3     │ 110     │ 0.7       │ 23542   │ 0.3     │
-- │ dns         │ 28    │ 2.4     │ 28      │ 0.2       │ 2792    │ 0.0     │
-- └─────────────┴───────┴─────────┴─────────┴───────────┴─────────┴─────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH shares AS (
    SELECT application, sum(flows) AS flows, sum(packets) AS packets, sum(bytes) AS bytes
    FROM traffic(:since, :until, :filter, :store) WHERE coalesce(:by, 'services') = 'services' GROUP BY application
    UNION ALL
    SELECT app, sum(flows), sum(packets), sum(bytes)
    FROM traffic(:since, :until, :filter, :store) WHERE :by = 'app' GROUP BY app
    UNION ALL
    SELECT refuse('by: ' || :by || ': there are services, app'), 0, 0, 0
    WHERE :by NOT IN ('services', 'app')
    UNION ALL
    SELECT refuse('application = ' || :application || ': no such name in services: there are other, ' ||
                  (SELECT group_concat(application, ', ') FROM (SELECT DISTINCT application FROM services ORDER BY 1 LIMIT 20)) || ', ...'), 0, 0, 0
    WHERE coalesce(:by, 'services') = 'services' AND :application <> 'other' AND NOT EXISTS (SELECT 1 FROM services WHERE application = :application)
), percents AS (
    SELECT application, flows, round(100.0 * flows / sum(flows) OVER (), 1) AS "flows %",
           packets, round(100.0 * packets / sum(packets) OVER (), 1) AS "packets %",
           bytes, round(100.0 * bytes / sum(bytes) OVER (), 1) AS "bytes %"
    FROM shares
)
SELECT * FROM percents
WHERE :application IS NULL OR application = :application OR (:by = 'app' AND application LIKE '%.' || :application)
ORDER BY bytes DESC, application
LIMIT coalesce(:n, 20);

SELECT losses(:since, :until, :store) AS losses;
