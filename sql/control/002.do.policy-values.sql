-- How many values a batch's policies let pass. Applied once, under a lock, by the first function that needs it.
alter table etl.etl_transaction add column policy_values jsonb not null default '{}';
comment on column etl.etl_transaction.policy_values is 'by column: values that BigQuery cannot hold, which arrived as the column''s policy (null or string) says';
