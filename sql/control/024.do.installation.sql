-- The identity of this control database, which the targets in BigQuery carry as a label: two installations on the same datasets are noticed.
create table etl.installation (
  id uuid not null default gen_random_uuid(),
  home text
);
comment on table etl.installation is 'one row; a restore in place keeps it, and a copy that runs elsewhere gets another id';
comment on column etl.installation.home is 'server and database in which the id was used last; null before the first start, and where the role may not read them';
create unique index installation_one on etl.installation ((true));
insert into etl.installation default values;
