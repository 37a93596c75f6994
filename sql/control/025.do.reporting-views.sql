-- BigQuery need not keep the text of a reporting view as it was sent: a change by somebody else is found by what it answered when the view was made.
alter table etl.view_source add column reporting_view_hash text;
comment on column etl.view_source.reporting_view_hash is 'hash of the query of the reporting view, as BigQuery answered it after the view was last made; null before the first extract of this release that makes it';
