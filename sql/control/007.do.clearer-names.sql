-- Clearer names: a dead letter that is due for publishing, and the kind of error for a batch id that was given twice.
alter table etl.etl_error rename column letter_due_at to dead_letter_due_at;
update etl.etl_error set kind = 'batch_id_collision' where kind = 'number_reused';
comment on column etl.etl_error.dead_letter_due_at is 'when its dead letter is to be published; null when it was published, or when there is none';
comment on column etl.etl_transaction.token is 'tells this batch from one to which another control database gave the same id';
