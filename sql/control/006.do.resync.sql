-- A resync that an operator asked for. Applied once, under a lock, by the first function that needs it.
alter table etl.view_source add column resync_requested_at timestamptz;
comment on column etl.view_source.resync_requested_at is 'the next batch carries the whole view; null again when one that began later was applied';
