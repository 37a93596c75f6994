-- Dependencies of a view that need not be followed. Applied once, under a lock, by the first function that needs it.
alter table etl.view_source add column ignored_dependencies text[] not null default '{}';
comment on column etl.view_source.ignored_dependencies is 'tables on which the view depends and whose changes need not be followed';

-- A former target outlives a view that was forgotten: its load type never changes.
alter table etl.former_target drop constraint former_target_view_name_fkey;
