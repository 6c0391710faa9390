-- SPDX-License-Identifier: MIT
-- What has been going on?  (NfSen's overview)
--
--   :by      what is stacked: protocol, application, zone or exporter      default protocol
--   :span    day, week, month or year until :until; all: each of them      default all
--   :n       how many of each top list                                     default 10
--   :until   where the time that is looked at ends                         default: the end of the store
--   :filter, :store                                                        default: all flows of the store
--
-- Needs: site
--
-- Sums are of steps of five minutes in a day, half an hour in a week, two hours in a month and a day in a year;
-- the top lists are of the shortest of the times. Any-side lists count a flow at both of its ends.
CREATE TEMP TABLE span AS
WITH span(name, ordinal, modifier, step) AS (
    VALUES ('day', 1, '-1 day', 300), ('week', 2, '-7 days', 1800), ('month', 3, '-1 month', 7200), ('year', 4, '-1 year', 86400)
), last(time) AS (
    SELECT coalesce(:until, (SELECT max(last) FROM flow_files(:store)))
)
SELECT name, ordinal, step, time AS until,
       datetime(strftime('%s', time, modifier) / step * step, 'unixepoch') AS since
FROM span, last;
