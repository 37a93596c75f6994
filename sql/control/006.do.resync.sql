-- Resyncs that operators ask for, and changes of load type. Applied once, under a lock, by the first function that needs it.
alter table etl.view_source add column resync_requested_at timestamptz;
comment on column etl.view_source.resync_requested_at is 'the next batch carries the whole view; null again when a batch that knew this wish was applied';

alter table etl.etl_transaction add column resync_requested_at timestamptz;
comment on column etl.etl_transaction.resync_requested_at is 'the wish for a resync that the batch fulfils';

-- A target is fed by one view and one load type, also when the view has left it.
create table etl.former_target (
  target_name text primary key,
  view_name text not null references etl.view_source (name) on update cascade,
  load_type text not null
);
