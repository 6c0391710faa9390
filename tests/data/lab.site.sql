-- SPDX-License-Identifier: MIT
-- What a site's tables might have for the bundled capture: two networks of an office, their provider's, three people,
-- prices by zone, cheaper at night, and quotas. In seconds of traffic kilobytes are what gigabytes are in a month.

INSERT OR REPLACE INTO settings VALUES ('timezone', 'Pacific/Auckland');
INSERT INTO networks (cidr, name, zone) VALUES
    ('192.168.1.0/24', 'office', 'local'), ('2001:db8:1::/64', 'office', 'local'),
    ('203.0.113.0/24', 'provider', 'domestic'), ('2001:db8:2::/48', 'provider', 'domestic');
INSERT INTO hosts (cidr, name, user, user_group) VALUES
    ('192.168.1.10', 'desk', 'ann', 'staff'), ('2001:db8:1::10', 'desk', 'ann', 'staff'),
    ('192.168.1.20', 'lab-pc', 'bob', 'students'), ('2001:db8:1::20', 'lab-pc', 'bob', 'students'),
    ('192.168.1.30', 'tv', 'eve', 'students');
DELETE FROM services;
INSERT INTO services (proto, port_from, port_to, application, category) VALUES
    (6, 80, 80, 'http', 'web'), (6, 443, 443, 'https', 'web'), (17, 443, 443, 'quic', 'web'),
    (17, 53, 53, 'dns', 'infrastructure'), (6, 22, 22, 'ssh', 'admin');
INSERT INTO tariffs (zone, direction, user_group, weekdays, hour_from, hour_until, price, per, currency, included) VALUES
    ('domestic', 'in', NULL, '12345', 7, 20, 1.50, 1000000, 'NZD', 500000),
    ('domestic', 'in', NULL, '12345', 0, 7, 0.50, 1000000, 'NZD', 0),
    ('domestic', 'in', NULL, '12345', 20, 24, 0.50, 1000000, 'NZD', 0),
    ('domestic', 'in', NULL, '67', 0, 24, 0.50, 1000000, 'NZD', 0),
    ('domestic', 'in', 'students', '1234567', 0, 24, 0.80, 1000000, 'NZD', 1000000),
    ('domestic', 'out', NULL, '1234567', 0, 24, 0.25, 1000000, 'NZD', 0),
    ('international', 'in', NULL, '1234567', 0, 24, 9.00, 1000000, 'NZD', 0);
INSERT INTO quotas (kind, name, period, octets, warn_at) VALUES
    ('user', 'ann', 'month', 2000000, 80), ('user', 'bob', 'month', 6000000, 80),
    ('user', 'eve', 'day', 1000000, 80), ('group', 'students', 'month', 8000000, 75);
