-- Columns that the reporting view must not show yet.
alter table etl.view_source add column unfilled_columns text[] not null default '{}';
comment on column etl.view_source.unfilled_columns is 'columns of the target that have no values in old rows until a batch with the whole view is applied';
