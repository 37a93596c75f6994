-- Sets every id sequence above the inserted ids, and updates the planner's statistics.
do $$
declare
  owned record;
begin
  for owned in
    select table_name, pg_get_serial_sequence(quote_ident(table_name), 'id') as sequence_name
    from information_schema.columns
    where table_schema = 'public' and column_name = 'id' and pg_get_serial_sequence(quote_ident(table_name), 'id') is not null
  loop
    execute format('select setval(%L, max(id)) from %I', owned.sequence_name, owned.table_name);
  end loop;
end
$$;

drop schema seed cascade;

analyze;
