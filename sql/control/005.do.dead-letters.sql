-- The record of a failure is the outbox of its dead letter. Applied once, under a lock, by the first function that needs it.
alter table etl.etl_error
  add column column_name text,
  add column is_letter_due boolean not null default false;
comment on column etl.etl_error.is_letter_due is 'its dead letter is not published yet; the next tick does it';
create index on etl.etl_error (id) where is_letter_due;
