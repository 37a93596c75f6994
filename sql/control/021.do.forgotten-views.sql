-- The views that an operator has forgotten, whose events may still be delivered. Applied once, under a lock, by the first function that needs it.
create table etl.forgotten_view (
  name text primary key,
  forgotten_at timestamptz not null default now()
);
comment on table etl.forgotten_view is 'views that were forgotten: events that were published before are skipped, not dead-lettered';
