-- Lets a capture read the change log from where the last one ended. Safe to repeat; locks nobody out, and so must run
-- outside a transaction. If it was interrupted it leaves an invalid index: drop that one first.
create index concurrently if not exists models_logging_change_content_type_id_id
  on models_logging_change (content_type_id, id);
