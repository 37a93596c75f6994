-- A view whose columns change.
alter table etl.view_source
  add column column_changes text not null default 'evolve' check (column_changes in ('evolve', 'freeze')),
  add column known_columns text[] not null default '{}';
comment on column etl.view_source.column_changes is 'what happens when the columns of the view have changed: its tables follow (evolve) or the view halts (freeze)';
comment on column etl.view_source.known_columns is 'the columns that the view has had; other columns of the target are not of our making';
