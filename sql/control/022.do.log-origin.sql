-- Which change log each view was captured from.
alter table etl.view_source add column log_origin jsonb;
comment on column etl.view_source.log_origin is 'server, database and schema of the change log that was captured last, and how many of its rows were deleted; null before the first capture';
