-- Content types under which the log named rows of a view before its table or model was renamed. Applied once, under a lock, by the first function that needs it.
alter table etl.view_source add column former_type_ids int[] not null default '{}';
comment on column etl.view_source.former_type_ids is 'content type ids that the main table''s model had before; their log rows are still followed';
