-- Comparisons of a view with its target, and what they found. Applied once, under a lock, by the first function that needs it.
alter table etl.view_source
  add column auto_repair boolean not null default false,
  add column max_repaired_share double precision not null default 0.1 check (max_repaired_share between 0 and 1),
  add column max_check_bytes bigint check (max_check_bytes > 0);
comment on column etl.view_source.auto_repair is 'whether a scheduled check repairs what it finds';
comment on column etl.view_source.max_repaired_share is 'share of the rows of the view that a check may repair; above it a resync is advised';
comment on column etl.view_source.max_check_bytes is 'bytes that one query of a check may read in BigQuery; null: no limit';

create table etl.consistency_check (
  id bigint generated always as identity primary key,
  view_name text not null references etl.view_source (name) on update cascade on delete cascade,
  mode text not null check (mode in ('full', 'keys', 'since')),
  since_days integer check (since_days > 0),
  trigger text not null,
  requested_by text,
  repairs boolean not null,
  state text not null default 'comparing' check (state in ('comparing', 'confirming', 'repairing', 'done', 'failed')),
  started_at timestamptz not null default now(),
  state_at timestamptz not null default now(),
  ended_at timestamptz,
  -- What the first look compares: the view in snapshots of the source, with the target as it was at target_as_of.
  target_as_of timestamptz,
  checkpoint jsonb,
  etl_transaction_id bigint,
  buckets integer,
  cuts jsonb,
  source_sums jsonb,
  part_rows integer,
  columns jsonb,
  parts_done integer not null default 0,
  -- The comparison of single rows, where sums differ or prove nothing.
  drill jsonb,
  drill_queued_keys text[],
  drill_rows bigint not null default 0,
  drill_parts integer,
  drill_parts_done integer not null default 0,
  looked_at timestamptz,
  is_recount boolean not null default false,
  source_rows bigint,
  target_rows bigint,
  pending bigint,
  missing bigint,
  extra bigint,
  different bigint,
  duplicates bigint,
  repaired bigint,
  bytes_billed bigint,
  classes jsonb,
  is_consistent boolean,
  report text,
  error text,
  check ((state in ('done', 'failed')) = (ended_at is not null)),
  check ((mode = 'since') = (since_days is not null))
);
comment on column etl.consistency_check.target_as_of is 'BigQuery''s time at which the target had what the checkpoint covers';
comment on column etl.consistency_check.cuts is 'the keys at which the view is cut into parts, each of which is read in a snapshot of its own';
comment on column etl.consistency_check.source_sums is 'rows and hash of each bucket, over the parts that were read';
comment on column etl.consistency_check.part_rows is 'about how many rows a part has whose rows are compared one by one';
comment on column etl.consistency_check.columns is 'the columns that are compared: a view that gets others is compared anew';
comment on column etl.consistency_check.drill is 'the query of the target that the next parts read, with the moment at which the target had its rows';
comment on column etl.consistency_check.drill_queued_keys is 'the keys that were queued at that moment or since';
comment on column etl.consistency_check.drill_rows is 'rows of the query''s result that the parts have read';
comment on column etl.consistency_check.looked_at is 'when the last look ended; a batch or empty capture that began later must pass before the next look';
comment on column etl.consistency_check.is_recount is 'whether all rows are compared a second time, after a later batch, since more differed than are looked at one by one';
comment on column etl.consistency_check.bytes_billed is 'by BigQuery for all jobs of the check; null until it ended';
create index on etl.consistency_check (view_name, id desc);
-- One check per view at a time.
create unique index consistency_check_unfinished on etl.consistency_check (view_name) where ended_at is null;

create table etl.consistency_difference (
  check_id bigint not null references etl.consistency_check (id) on delete cascade,
  key text not null,
  kind text not null check (kind in ('missing', 'extra', 'different', 'duplicate')),
  class text,
  columns text[] not null default '{}',
  is_repaired boolean not null default false,
  primary key (check_id, key)
);
comment on column etl.consistency_difference.class is 'why the row differs; null until a second look confirmed that it does';

alter table etl.lease add column acquired_at timestamptz not null default now();
comment on column etl.lease.acquired_at is 'when its holder took it, which is before it opened a snapshot of the source';

alter table etl.queued_key add column check_id bigint references etl.consistency_check (id) on delete set null;
create index on etl.queued_key (check_id) where check_id is not null;
