-- Copies of whole views that go on in the next call. Applied once, under a lock, by the first function that needs it.
alter table etl.etl_transaction
  add column copy_attempt integer not null default 1,
  add column copy_stalls integer not null default 0,
  add column copy jsonb;
comment on column etl.etl_transaction.copy_attempt is 'how many calls have copied slices of the view, or begun them anew; names their objects';
comment on column etl.etl_transaction.copy_stalls is 'how many calls in a row have gone on with the copy since its last slice was copied';
comment on column etl.etl_transaction.copy is 'how its slices are copied: the format, the size of an object, and a hash of what their rows depend on; null for a batch without slices';

create table etl.copied_slice (
  etl_transaction_id bigint not null references etl.etl_transaction (id) on delete cascade,
  place integer not null,
  from_key text,
  to_key text,
  copied_at timestamptz,
  snapshot text,
  rows bigint,
  bytes bigint,
  objects jsonb,
  replaced jsonb,
  primary key (etl_transaction_id, place),
  check ((copied_at is null) = (objects is null))
);
comment on table etl.copied_slice is 'the slices of a whole view that a batch copies, each once, in one or several calls; kept as long as the batch';
comment on column etl.copied_slice.place is 'numbers the slice within its batch, and its rows within a stream';
comment on column etl.copied_slice.from_key is 'the rows whose key is from_key or higher, and below to_key; null: no bound';
comment on column etl.copied_slice.snapshot is 'the snapshot of the source in which the slice was read, as pg_current_snapshot() writes it';
comment on column etl.copied_slice.replaced is 'by column: how many values its policies replaced';
