-- Every log row names its key unless a view opts out; models that inherit; an advised resync. Applied once, under a lock, by the first
-- function that needs it.
alter table etl.view_source
  add column skip_untracked boolean not null default false,
  add column child_models jsonb not null default '[]',
  add column resync_advised_at timestamptz,
  add column resync_advised_reason text,
  add constraint view_source_resync_advised check ((resync_advised_at is null) = (resync_advised_reason is null));
comment on column etl.view_source.resync_advised_reason is 'what a capture could not find row by row; null again when a complete batch was applied';
