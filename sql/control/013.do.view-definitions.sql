-- The definition by which the rows of a target were computed, so that a view that was replaced is noticed.
alter table etl.view_source
  add column view_changes text not null default 'resync' check (view_changes in ('resync', 'halt')),
  add column resync_by_system boolean not null default false,
  add column missing_since timestamptz;
comment on column etl.view_source.view_changes is 'what happens when the definition of the view has changed: resync or halt';
comment on column etl.view_source.resync_by_system is 'whether the requested resync was requested by the system and not by an operator';
comment on column etl.view_source.missing_since is 'since when the view cannot be found in the source; null while it can';

alter table etl.checkpoint add column definition jsonb;
comment on column etl.checkpoint.definition is 'fingerprint of the view''s definition and PostgreSQL''s major version; null until a capture has recorded them';

alter table etl.etl_transaction add column definition jsonb;
comment on column etl.etl_transaction.definition is 'the definition of the view by which the rows of the batch were computed';

create table etl.schema_change (
  id bigint generated always as identity primary key,
  view_name text not null references etl.view_source (name) on update cascade,
  detected_at timestamptz not null default now(),
  kind text not null,
  action text not null,
  details jsonb not null default '{}'
);
comment on table etl.schema_change is 'changes of views that extract has found, and what it did about them';
create index on etl.schema_change (view_name, id desc);
