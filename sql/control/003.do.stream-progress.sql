-- How far a batch that is streamed has come, so that a function which reaches its time limit is followed by one that goes on.
alter table etl.etl_transaction add column streamed_rows bigint not null default 0 check (streamed_rows >= 0);
comment on column etl.etl_transaction.streamed_rows is 'staged rows that are acknowledged, from the first one on; their counts are in rows_added, rows_changed and rows_deleted';
