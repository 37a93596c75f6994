-- Functions that generate the sample data; their schema is dropped at the end. They read two session settings:
-- smartapp_seed.seed and smartapp_seed.scale.
create schema seed;

-- A number in [0, 1) that depends only on the seed, the row and the purpose.
create function seed.random(row_number bigint, purpose text) returns double precision language sql stable as $$
  select (hashint8extended(row_number, hashtextextended(purpose, current_setting('smartapp_seed.seed')::bigint))
    & 9007199254740991) / 9007199254740992.0::double precision
$$;

create function seed.chance(row_number bigint, purpose text, probability double precision) returns boolean
language sql stable as $$ select seed.random(row_number, purpose) < probability $$;

-- A whole number between both bounds, inclusive.
create function seed.between(row_number bigint, purpose text, low bigint, high bigint) returns bigint
language sql stable as $$ select low + floor(seed.random(row_number, purpose) * (high - low + 1))::bigint $$;

create function seed.pick(row_number bigint, purpose text, choices text[]) returns text language sql stable as $$
  select choices[1 + floor(seed.random(row_number, purpose) * cardinality(choices))::integer]
$$;

-- The number of rows at this scale; at least one.
create function seed.size(rows_at_scale_1 bigint) returns bigint language sql stable as $$
  select greatest(1, round(rows_at_scale_1 * current_setting('smartapp_seed.scale')::numeric))::bigint
$$;

-- The number of rows of each main table: those that its view shows, and those that it leaves out.
create function seed.dummy_projects() returns bigint language sql stable as $$ select seed.size(19) $$;
create function seed.projects() returns bigint language sql stable as $$ select seed.size(620) + seed.dummy_projects() $$;
create function seed.dummy_inventories() returns bigint language sql stable as $$ select seed.size(336) $$;
create function seed.inventories() returns bigint language sql stable as $$ select seed.size(16786) + seed.dummy_inventories() $$;
create function seed.plans() returns bigint language sql stable as $$ select seed.size(4928) $$;
create function seed.items() returns bigint language sql stable as $$ select seed.size(99578) $$;
create function seed.closed_incidents() returns bigint language sql stable as $$ select seed.size(650) $$;
create function seed.incidents() returns bigint language sql stable as $$ select seed.size(4319) + seed.closed_incidents() $$;
create function seed.log_rows() returns bigint language sql stable as $$ select seed.size(40000) $$;

-- The number of rows of each lookup, the same at every scale.
create function seed.companies() returns bigint language sql immutable as $$ select 240::bigint $$;
create function seed.employees() returns bigint language sql immutable as $$ select 150::bigint $$;
create function seed.brands() returns bigint language sql immutable as $$ select 60::bigint $$;
create function seed.models() returns bigint language sql immutable as $$ select 800::bigint $$;
create function seed.product_types() returns bigint language sql immutable as $$ select 40::bigint $$;

-- Spreads `chosen` rows evenly over `total`: true for exactly that many of the numbers 1 to total.
create function seed.is_chosen(row_number bigint, chosen bigint, total bigint) returns boolean
language sql immutable as $$ select row_number * chosen / total > (row_number - 1) * chosen / total $$;

-- Assigns consecutive children to each parent: the parent of a child, and the first child of a parent.
create function seed.parent(child bigint, children bigint, parents bigint) returns bigint
language sql immutable as $$ select 1 + (child - 1) * parents / children $$;
create function seed.first_child(parent bigint, children bigint, parents bigint) returns bigint
language sql immutable as $$ select ((parent - 1) * children + parents - 1) / parents + 1 $$;

-- The last day of the sample data; fixed, so that a seed always gives the same data.
create function seed.today() returns date language sql immutable as $$ select date '2026-01-01' $$;

-- When a row was last saved: within two years before the last day.
create function seed.saved_at(row_number bigint, purpose text) returns timestamptz language sql stable as $$
  select timestamptz '2026-01-01 00:00:00+00'
    - seed.between(row_number, 'saved ' || purpose, 1, 2 * 365 * 86400::bigint) * interval '1 second'
    + seed.between(row_number, 'saved µs ' || purpose, 0, 999999) * interval '1 microsecond'
$$;

-- Text as people type and paste it, sometimes with characters that break careless code for CSV, JSON or SQL.
create function seed.typed(row_number bigint, purpose text, plain text) returns text language sql stable as $$
  select case when seed.chance(row_number, 'typed ' || purpose, 0.04)
    then plain || ' ' || seed.pick(row_number, 'typed as ' || purpose, array[
      '"quoted"', 'O''Brien', 'C:\temp\new', 'tab' || chr(9) || 'tab', 'two' || chr(10) || 'lines',
      'carriage' || chr(13) || chr(10) || 'return', 'ซ่อม 🔧 แล้ว', '👩‍💻', '\N', '\.', 'NULL', '{"json": "no"}', '1,2;3|4', '<b>&amp;</b>',
      'separator' || chr(8232) || 'line', 'ä ö ü ß é', '日本語', '  spaces  ', '100%', '$1 ${x} `y`', chr(1) || 'control' || chr(2),
      'zero' || chr(8203) || 'width', '--; drop table x', '\u0000 \x00', 'กำ' || chr(3635), ''])
    else plain end
$$;
