-- Which columns of a view its target does not get, and what becomes of arrays that are NULL.
alter table etl.view_source
  add column omitted_columns text[],
  add column null_arrays jsonb not null default '{}';
comment on column etl.view_source.omitted_columns is 'columns of the view that its target does not get; null: the default, updated_at';
comment on column etl.view_source.null_arrays is 'by column: whether an array that is NULL arrives as an empty one (empty, the default) or stops the batch (stop)';
