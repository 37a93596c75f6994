-- Complete batches: a limit for what they delete, and the check that all streamed rows are in the target.
alter table etl.view_source add column max_deleted_share double precision not null default 0.5
  check (max_deleted_share between 0 and 1);
comment on column etl.view_source.max_deleted_share is 'the share of the target''s rows that a complete batch may delete, if these are more than 100';

alter table etl.view_source add column deletes_accepted_for timestamptz;
comment on column etl.view_source.deletes_accepted_for is 'the resync request, by its time, whose deletes an operator accepts, however many; another request is not meant';

alter table etl.etl_transaction add column accepts_deletes boolean not null default false;
comment on column etl.etl_transaction.accepts_deletes is 'an operator accepts that the batch deletes any number of rows';

alter table etl.etl_transaction add column rows_before bigint;
comment on column etl.etl_transaction.rows_before is 'rows of the target, without deleted ones, before a complete batch and before earlier ones that were not applied; null for other batches and where they were not counted';

alter table etl.etl_transaction add column streamed_at timestamptz;
comment on column etl.etl_transaction.streamed_at is 'when all rows of a complete batch were acknowledged; null again when they must be sent once more';
