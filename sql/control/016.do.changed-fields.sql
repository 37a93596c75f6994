-- What a changed field of a view source makes of a target that has rows.
alter table etl.view_source
  add column policy_tags jsonb not null default '{}',
  add column applied_policy_tags jsonb not null default '{}',
  add column rewrite_id uuid;
comment on column etl.view_source.policy_tags is 'policy tag of each tagged column of the target';
comment on column etl.view_source.applied_policy_tags is 'the policy tags that were last set on the target; others there are not of our making';
comment on column etl.view_source.rewrite_id is 'names the job that makes the rows of the target follow its new clustering; null when they do';
