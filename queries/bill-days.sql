-- SPDX-License-Identifier: MIT
-- Why is my bill so high: on which days was it?
--
--   :month   of the site's time zone, 2026-11        default: all
--   :user, :group, :host                             a user or group of the site's table hosts ('': who has none), or an
--            address or network                      default: all that zone() calls local
--   :zone    of the peers                            default: all but local, which is what stays within the site
--   :since, :until                                   default: as :month says
--   :filter, :store                                  default: all flows of the site's store
--
-- Octets are those of the bill: the steps bill-days, bill-hosts, bill-peers, bill-ports and bill-flows, each with what the one
-- before says in `next`, add up to what the bill has as used.
-- They are those of usage, which is kept when the flows have gone; with :since, :until, :filter or :store, those of the flows
-- that the store has. Days are those of the site's time zone.
--
-- Needs: site, usage
--
-- Sample output (:month '2026-11', :group students):
-- ┌────────────┬───────┬─────────┬──────────┬─────────┬─────────┬───────────────────────────────────────────────────────────┐
-- │    day     │ flows │  sent   │ received │  bytes  │ percent │                           next                            │
-- ├────────────┼───────┼─────────┼──────────┼─────────┼─────────┼───────────────────────────────────────────────────────────┤
-- │ 2026-11-24 │ 10    │ 1612788 │ 5627743  │ 7240531 │ 100.0   │ flowreport bill-hosts --day 2026-11-24 --group 'students' │
-- └────────────┴───────┴─────────┴──────────┴─────────┴─────────┴───────────────────────────────────────────────────────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box --wrap 120
.headers on

WITH who(nets) AS (
    SELECT CASE WHEN :host IS NOT NULL THEN :host
                WHEN coalesce(nullif(:user, ''), nullif(:group, '')) IS NOT NULL THEN coalesce(
                    (SELECT group_concat(DISTINCT cidr) FROM hosts_by_address
                     WHERE (coalesce(:user, '') = '' OR user = :user) AND (coalesce(:group, '') = '' OR user_group = :group)),
                    refuse('no host of that user and group: see the table hosts')) END
), site(timezone) AS MATERIALIZED (SELECT max(value) FROM settings WHERE name = 'timezone'), asked AS MATERIALIZED (
    SELECT coalesce(flow_time(:since), utc_time(:month, timezone)) AS since,
           coalesce(flow_time(:until), utc_time(date(:month || '-01', '+1 month'), timezone)) AS until,
           coalesce(:since, :until, :filter, :store) IS NOT NULL AS of_flows,
           coalesce((SELECT min(seconds) FROM usage_step WHERE :month IS NULL OR year = substr(:month, 1, 4)), 900) AS step
    FROM site
    WHERE refuse(CASE WHEN date(:month || '-01') IS NOT :month || '-01' THEN 'month = ' || :month || ': write it as 2026-11'
                      WHEN :zone NOT IN ('local', 'domestic', 'international') AND NOT EXISTS (SELECT 1 FROM networks WHERE zone = :zone)
                      THEN 'zone = ' || :zone || ': give local, domestic, international, or one that networks has'
                      WHEN :user <> '' AND NOT EXISTS (SELECT 1 FROM hosts WHERE user = :user) AND NOT EXISTS (SELECT 1 FROM usage WHERE user = :user)
                      THEN 'user = ' || :user || ': no such user in hosts, nor in usage'
                      WHEN :group <> '' AND NOT EXISTS (SELECT 1 FROM hosts WHERE user_group = :group)
                           AND NOT EXISTS (SELECT 1 FROM usage WHERE user_group = :group)
                      THEN 'group = ' || :group || ': no such group in hosts, nor in usage' END) IS NULL
), given(words) AS ( -- what was given, for the next step
    SELECT coalesce(group_concat(' --' || column1 || ' ''' || replace(column2, '''', '''\''''') || '''', ''), '')
    FROM (VALUES ('user', :user), ('group', :group), ('host', :host), ('zone', :zone), ('filter', :filter), ('store', :store)) WHERE column2 IS NOT NULL
), seen AS MATERIALIZED (
    SELECT date(local_time(u.period, timezone)) AS day, sum(u.octets_out) AS sent, sum(u.octets_in) AS received,
           sum(u.flows_out + u.flows_in) AS flows
    FROM site, asked CROSS JOIN usage AS u
    WHERE NOT of_flows AND u.period >= coalesce(since, '') AND u.period < coalesce(until, '9999')
      AND (:zone IS NULL AND u.zone <> 'local' OR u.zone = :zone) AND (:host IS NULL OR ip_in(u.host, :host))
      AND (:user IS NULL OR u.user = :user) AND (:group IS NULL OR u.user_group = :group)
    GROUP BY 1
    UNION ALL
    SELECT date(local_time(b.time, (SELECT timezone FROM site))), sum(b.octets_out), sum(b.octets_in), sum(b.flows_out + b.flows_in)
    FROM billable AS b
    WHERE (SELECT of_flows FROM asked) AND coalesce(:user, :group) IS NULL AND b.since = (SELECT since FROM asked) AND b.until = (SELECT until FROM asked)
      AND b.filter = :filter AND b.store = :store AND b.endnet = (SELECT nets FROM who)
      AND (:zone IS NULL AND b.zone <> 'local' OR b.zone = :zone)
      AND b.bucket = (SELECT step FROM asked)
    GROUP BY 1
    UNION ALL
    SELECT date(local_time(b.time, (SELECT timezone FROM site))), sum(b.octets_out), sum(b.octets_in), sum(b.flows_out + b.flows_in)
    FROM billable AS b
    WHERE (SELECT of_flows FROM asked) AND coalesce(:user, :group) IS NOT NULL AND b.since = (SELECT since FROM asked) AND b.until = (SELECT until FROM asked)
      AND b.filter = :filter AND b.store = :store AND b.endnet = (SELECT nets FROM who) AND b.bucket = (SELECT step FROM asked)
      AND (:zone IS NULL AND b.zone <> 'local' OR b.zone = :zone)
      AND (:user IS NULL OR coalesce(host_user(b.host, b.time), '') = :user)
      AND (:group IS NULL OR coalesce(host_group(b.host, b.time), '') = :group)
    GROUP BY 1
)
SELECT day, flows, sent, received, sent + received AS bytes,
       round(100.0 * (sent + received) / sum(sent + received) OVER (), 1) AS percent,
       'flowreport bill-hosts --day ' || day || words AS next
FROM seen, given
ORDER BY day;

WITH site(timezone) AS (SELECT max(value) FROM settings WHERE name = 'timezone')
SELECT losses(coalesce(:since, utc_time(:month, timezone)), coalesce(:until, utc_time(date(:month || '-01', '+1 month'), timezone)),
              :store) AS losses FROM site;
