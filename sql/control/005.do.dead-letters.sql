-- The record of a failure is the outbox of its dead letter. Applied once, under a lock, by the first function that needs it.
alter table etl.etl_error
  add column column_name text,
  add column letter_due_at timestamptz;
comment on column etl.etl_error.letter_due_at is 'when its dead letter is to be published; null: it was, or there is none';
create index on etl.etl_error (letter_due_at) where letter_due_at is not null;
