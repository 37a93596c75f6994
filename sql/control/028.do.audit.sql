-- Who asked for what, and a pause that ends by itself. Applied once, under a lock, by the first function that needs it.
create table etl.audit (
  id bigint generated always as identity primary key,
  request_id text not null,
  requested_at timestamptz not null default now(),
  requested_by text,
  via text not null check (via in ('page', 'call', 'message')),
  action text not null,
  views text[] not null default '{}',
  reason text,
  request jsonb not null,
  attempts integer not null default 1,
  outcome text,
  result jsonb,
  error_kind text,
  error text,
  advice text,
  ended_at timestamptz,
  unique (request_id, action),
  check ((outcome is not null or error is not null) = (ended_at is not null))
);
comment on table etl.audit is 'every operation that an operator asked for, by page, call or message; it outlives its views';
comment on column etl.audit.request_id is 'names the request, so that a form that is sent twice and a message that is delivered twice are one request';
comment on column etl.audit.requested_by is 'the signed-in user of the page, or who the call or message says; null when nobody knows';
comment on column etl.audit.views is 'the views that the request names; empty for all, and for failures of no view';
comment on column etl.audit.request is 'the operation without who, why and view';
comment on column etl.audit.ended_at is 'null while it is worked on, or when its process ended before it was done';
create index on etl.audit using gin (views);
create index on etl.audit (action, id desc);
create index on etl.audit (requested_at);

alter table etl.view_source add column paused_until timestamptz;
comment on column etl.view_source.paused_until is 'when the next tick ends the pause; null: an operator ends it';
