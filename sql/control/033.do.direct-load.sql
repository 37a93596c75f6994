-- Which batches a load job brings straight into their target. Applied once, under a lock, by the first function that needs it.
-- Functions of the release before take such a batch of a merged view for one whose load has not ended, and leave it alone.
alter table etl.etl_transaction add column is_direct_load boolean not null default false;
comment on column etl.etl_transaction.is_direct_load is 'whether the rows were staged for a load straight into the target, which had none';
