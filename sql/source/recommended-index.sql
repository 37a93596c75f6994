-- An index with which a capture reads the change log from the end of the last capture. Safe to repeat. It does not block writers, so it
-- must run outside a transaction. An interrupted run leaves an invalid index: drop that index first.
create index concurrently if not exists models_logging_change_content_type_id_id
  on models_logging_change (content_type_id, id);
