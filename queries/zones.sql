-- SPDX-License-Identifier: MIT
-- What did user, group or host X send and receive, by zone?
--
--   :user, :group, :host                             a user or group of the site's table hosts, or an address
--            or network                              default: all that zone() calls local
--   :since, :until, :filter, :store                  default: everything in the store
--
-- The zone is that of the other end, by the site's table networks: local, domestic, international, or the
-- site's own. Users and groups are those that the table hosts has for an address at the time (to the hour). Of traffic
-- within X each end is counted. Percentages are of the sum of all rows.
--
-- Needs: site
--
-- Sample output (:user ann):
-- ┌───────────────┬───────────┬──────────┬─────────────┬────────────┬────────┬──────────┬─────────┬─────────┐
-- │     zone      │ flows_out │ flows_in │ packets_out │ packets_in │  sent  │ received │  bytes  │ percent │
-- ├───────────────┼───────────┼──────────┼─────────────┼────────────┼────────┼──────────┼─────────┼─────────┤
-- │ domestic      │ 43        │ 43       │ 581         │ 938        │ 57326  │ 1188058  │ 1245384 │ 63.0    │
-- │ local         │ 4         │ 4        │ 474         │ 352        │ 680528 │ 18672    │ 699200  │ 35.3    │
-- │ international │ 2         │ 2        │ 126         │ 102        │ 13353  │ 20185    │ 33538   │ 1.7     │
-- └───────────────┴───────────┴──────────┴─────────────┴────────────┴────────┴──────────┴─────────┴─────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH who(nets) AS (
    SELECT CASE WHEN :host IS NOT NULL THEN :host
                WHEN coalesce(:user, :group) IS NOT NULL THEN coalesce(
                    (SELECT group_concat(DISTINCT cidr) FROM hosts_by_address
                     WHERE (:user IS NULL OR user = :user) AND (:group IS NULL OR user_group = :group)),
                    refuse('no host of that user and group: see the table hosts')) END
), seen AS MATERIALIZED (
    SELECT peerzone AS zone, sum(flows_out) AS flows_out, sum(flows_in) AS flows_in,
           sum(packets_out) AS packets_out, sum(packets_in) AS packets_in,
           sum(bytes_out) AS sent, sum(bytes_in) AS received
    FROM who, endpoints(:since, :until, filter_and(:filter, filter_in('host', nets, 'host')), :store, 3600)
    WHERE nets IS NOT NULL AND (:host IS NULL OR ip_in(ip, :host)) AND (:user IS NULL OR host_user(ip, time) = :user)
      AND (:group IS NULL OR host_group(ip, time) = :group)
    GROUP BY 1
    UNION ALL
    SELECT peerzone, sum(flows_out), sum(flows_in), sum(packets_out), sum(packets_in), sum(bytes_out), sum(bytes_in)
    FROM endpoints(:since, :until, :filter, :store)
    WHERE coalesce(:host, :user, :group) IS NULL AND zone = 'local'
    GROUP BY 1
)
SELECT zone, flows_out, flows_in, packets_out, packets_in, sent, received, sent + received AS bytes,
       round(100.0 * (sent + received) / sum(sent + received) OVER (), 1) AS percent
FROM seen
ORDER BY bytes DESC, zone;

SELECT losses(:since, :until, :store) AS losses;
