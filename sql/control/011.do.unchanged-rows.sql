-- A merge leaves rows as they are in which no column differs, and counts them.
alter table etl.etl_transaction add column rows_unchanged bigint;
comment on column etl.etl_transaction.rows_unchanged is 'staged rows that the target already had; a stream writes every row, so it counts none';
