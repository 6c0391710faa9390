-- SPDX-License-Identifier: MIT
-- The site's own tables, in an ordinary SQLite database, with the tables of flowvt bound to its store:
--
--   sqlite3 -cmd '.load flowvt' site.db '.read site.sql' \
--       "INSERT OR REPLACE INTO settings VALUES ('store', '/data/campus')"
--
-- It may be read again into a file that has them, from this version or an older one: rows stay, triggers are renewed.
--
-- Networks are written as 192.0.2.0/24 or 2001:db8::/32, a single address as 192.0.2.1; other spellings are changed
-- to these. Times are UTC, '2026-11-23' or '2026-11-23 10:00', from <= t < until, NULL is open. An empty text in a
-- column that may be NULL becomes NULL, so that files of CSV can be imported. What cannot be right is refused by the
-- triggers, which say why: they need the functions of the extension.

SAVEPOINT site;

SELECT refuse('site.sql: this database is of a later version: use the site.sql that came with it')
FROM pragma_user_version WHERE user_version > 1;

-- name       value
-- store      the directory of the flow files. Without: FLOWVT_STORE in the environment, then /var/lib/flowvt
-- timezone   whose days and months accounting has, 'Pacific/Auckland'. Without: UTC
-- country    where the site is, 'NZ': addresses there that no network has are of zone domestic
-- geodb      countries, a file in MaxMind's format. Without: FLOWVT_GEODB in the environment
-- asndb      autonomous systems, likewise. Without: FLOWVT_ASNDB in the environment
CREATE TABLE IF NOT EXISTS settings (
    name  TEXT NOT NULL PRIMARY KEY CHECK (name <> ''),
    value TEXT
);

-- Whose an address is. Networks may lie in others: each column is that of the longest prefix that has a value there.
-- Without any, private and link-local addresses are of zone local, all others international.
CREATE TABLE IF NOT EXISTS networks (
    cidr    TEXT NOT NULL PRIMARY KEY,
    name    TEXT,
    zone    TEXT,                 -- local, domestic, international, or the site's own
    asn     INTEGER,
    country TEXT                  -- two letters, ISO 3166
);

-- Who has an address, or a network, at a time. The longest prefix that is valid then counts.
CREATE TABLE IF NOT EXISTS hosts (
    cidr        TEXT,
    mac         TEXT,             -- aa:bb:cc:dd:ee:ff; a host may have a MAC address alone
    name        TEXT,
    user        TEXT,
    user_group  TEXT,
    valid_from  TEXT,
    valid_until TEXT
);
CREATE INDEX IF NOT EXISTS hosts_cidr ON hosts (cidr);
CREATE INDEX IF NOT EXISTS hosts_mac ON hosts (mac);

-- What is spoken on a port. Ranges may lie in others: the narrowest counts.
CREATE TABLE IF NOT EXISTS services (
    proto       INTEGER NOT NULL, -- a name may be written: 'tcp'
    port_from   INTEGER,          -- NULL: all of the protocol
    port_to     INTEGER,          -- NULL: port_from alone
    application TEXT NOT NULL,
    category    TEXT,
    UNIQUE (proto, port_from, port_to)
);

CREATE TABLE IF NOT EXISTS interfaces (
    exporter TEXT NOT NULL,       -- its address
    ifindex  INTEGER NOT NULL,
    name     TEXT,
    role     TEXT NOT NULL,       -- inside, outside or transit
    PRIMARY KEY (exporter, ifindex)
);

-- What traffic costs: of two for the same, the one for a group goes before that for all.
CREATE TABLE IF NOT EXISTS tariffs (
    zone        TEXT NOT NULL,
    direction   TEXT NOT NULL,    -- in or out
    user_group  TEXT,             -- NULL: all
    weekdays    TEXT NOT NULL DEFAULT '1234567', -- 1 is Monday, of the site's local time
    hour_from   INTEGER NOT NULL DEFAULT 0,      -- local: hour_from <= hour < hour_until
    hour_until  INTEGER NOT NULL DEFAULT 24,
    price       REAL NOT NULL,
    per         INTEGER NOT NULL DEFAULT 1000000000, -- octets that the price is for
    currency    TEXT NOT NULL,
    included    INTEGER NOT NULL DEFAULT 0,      -- octets a month that are free
    valid_from  TEXT,
    valid_until TEXT
);

CREATE TABLE IF NOT EXISTS quotas (
    kind    TEXT NOT NULL,        -- user, group or host
    name    TEXT NOT NULL,        -- the user's, the group's, or the host's address
    period  TEXT NOT NULL,        -- day, week or month, of the site's local time; a week begins on Monday
    octets  INTEGER NOT NULL,     -- the limit
    warn_at INTEGER NOT NULL DEFAULT 80, -- percent
    PRIMARY KEY (kind, name, period)
);

-- Sampling rates that exporters told wrongly, or not at all: ext/overrides.h.
CREATE TABLE IF NOT EXISTS sampling_overrides (
    exporter TEXT,                -- an address or a network; NULL: all
    since    TEXT,
    until    TEXT,
    rate     INTEGER NOT NULL CHECK (rate > 0)
);

-- What happened, for graphs. until is NULL for what took no time.
CREATE TABLE IF NOT EXISTS events (
    time  TEXT NOT NULL,
    until TEXT,
    text  TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_time ON events (time);

-- The tables of flowvt, of the store that settings has.
CREATE VIRTUAL TABLE IF NOT EXISTS flows USING flows;
CREATE VIRTUAL TABLE IF NOT EXISTS traffic USING traffic;
CREATE VIRTUAL TABLE IF NOT EXISTS endpoints USING endpoints;
CREATE VIRTUAL TABLE IF NOT EXISTS flows_csv USING flows_csv;
CREATE VIRTUAL TABLE IF NOT EXISTS flows_ndjson USING flows_ndjson;
CREATE VIRTUAL TABLE IF NOT EXISTS flow_files USING flow_files;
CREATE VIRTUAL TABLE IF NOT EXISTS flow_exporters USING flow_exporters;
CREATE VIRTUAL TABLE IF NOT EXISTS flow_sockets USING flow_sockets;
CREATE VIRTUAL TABLE IF NOT EXISTS flow_interfaces USING flow_interfaces;
CREATE VIRTUAL TABLE IF NOT EXISTS flow_options USING flow_options;
CREATE VIRTUAL TABLE IF NOT EXISTS if_counters USING if_counters;

PRAGMA user_version = 1;
RELEASE site;
