-- A database that is not SMartApp: uuid and text keys, a lookup, arrays, JSON, money, a partitioned table, another schema, quoted names.
create table django_content_type (
  id integer primary key,
  app_label varchar(100) not null,
  model varchar(100) not null,
  unique (app_label, model)
);
insert into django_content_type values (1, 'shop', 'customer'), (2, 'shop', 'order'), (3, 'shop', 'reading'), (4, 'shop', 'user');
create table models_logging_change (
  id bigserial primary key,
  date_created timestamptz not null default now(),
  changed_data jsonb,
  object_id text not null,
  object_repr text not null default '',
  action varchar(7) not null,
  content_type_id integer references django_content_type
);
create index on models_logging_change (content_type_id, id);

create type mood as enum ('good', 'very bad');
create domain percent as numeric(5, 2) check (value between 0 and 100);
create table shop_customer (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  country char(2),
  tags text[],
  preferences jsonb,
  credit money,
  mood mood
);
create schema sales;
create table sales."Order" (
  id serial primary key,
  customer_id uuid references shop_customer,
  placed_at timestamptz not null,
  total numeric(10, 2),
  "line items" jsonb,
  codes integer[],
  lasts interval,
  share percent,
  weight numeric
);
create table shop_reading (id bigint, at date not null, value double precision, primary key (id, at)) partition by range (at);
create table shop_reading_2025 partition of shop_reading for values from ('2025-01-01') to ('2026-01-01');
create table shop_reading_2026 partition of shop_reading for values from ('2026-01-01') to ('2027-01-01');
create table shop_user (id text primary key, email text, data bytea, ip inet, active boolean, seen timestamptz);

insert into shop_customer (name, country, tags, preferences, credit, mood)
select 'customer ' || i, 'TH', array['a', 'b ' || i], jsonb_build_object('n', i, 'x', 1.5), i, 'good' from generate_series(1, 300) i;
insert into sales."Order" (customer_id, placed_at, total, "line items", codes, lasts, share, weight)
select (select id from shop_customer offset i % 300 limit 1), timestamptz '2026-01-01' + i * interval '1 hour', i, '[{"sku": "a"}]',
  array[i, i + 1], i * interval '1 day', 12.5, case i when 7 then 'NaN' else i::numeric end from generate_series(1, 1000) i;
insert into shop_reading select i, date '2025-06-01' + (i % 400), i * 0.1 from generate_series(1, 1000) i;
insert into shop_user select 'u' || i, case when i > 5 then 'u' || i || '@example.com' end, '\x00ff', '10.0.0.1', true, now() from generate_series(1, 100) i;

create view customers as select id as customer_id, name, country, tags, preferences, credit, mood from shop_customer;
create view "Orders" as
select o.id as "Order", o.customer_id, c.name as "select", o.placed_at, o.total, o."line items", o.codes, o.lasts, o.share, o.weight,
  'x'::text as hidden
from sales."Order" o left join shop_customer c on c.id = o.customer_id;
create view readings as select id as reading_id, at, value from shop_reading;
create view users as select id as user_id, email, data, ip, active, seen from shop_user;

create role shop_reader login password 'secret';
grant usage on schema public, sales to shop_reader;
grant select on all tables in schema public, sales to shop_reader;
grant select on all sequences in schema public to shop_reader;
