-- Clearer names: a dead letter that is due for publishing, and the kind of error for a batch id that was given twice.
alter table etl.etl_error rename column letter_due_at to dead_letter_due_at;
update etl.etl_error set kind = 'batch_id_collision' where kind = 'number_reused';
