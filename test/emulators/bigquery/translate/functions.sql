-- Macros of DuckDB for casts and functions of GoogleSQL; safe to repeat. Each has GoogleSQL's results for NULL, rounding and refused input,
-- where DuckDB's own differ. `typeof` returns DuckDB's names of types.
-- https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_functions

-- Casts ---------------------------------------------------------------------------------------------------------------

create or replace macro bq_refuse(kind, value) as error('Bad ' || kind || ' value: ' || value);

create or replace macro bq_from_decimal(text) as
  case when contains(text, '.') then rtrim(rtrim(text, '0'), '.') else text end;

create or replace macro bq_from_double(text) as
  case text when 'nan' then 'NaN' when 'inf' then 'Infinity' when '-inf' then '-Infinity'
    else regexp_replace(text, '\.0$', '') end;

-- Seconds have no fraction, or one of three or six digits.
create or replace macro bq_fraction(text) as
  case when contains(text, '.') then
    regexp_extract(text, '^[^.]*\.', 0)
      || rpad(regexp_extract(text, '\.(\d+)', 1), case when length(regexp_extract(text, '\.(\d+)', 1)) > 3 then 6 else 3 end, '0')
      || regexp_extract(text, '\.\d+(.*)$', 1)
    else text end;

create or replace macro bq_bignumeric_digits(whole, fraction) as
  bq_from_decimal(whole || '.' || lpad(fraction::varchar, 38, '0'));

-- A BIGNUMERIC is its floor and the rest above the floor, in units of 1e-38.
create or replace macro bq_bignumeric_text(value) as
  case when struct_extract(value, '$floor') >= 0 or struct_extract(value, '$fraction') = 0 then
      bq_bignumeric_digits(struct_extract(value, '$floor')::varchar, struct_extract(value, '$fraction'))
    when value is not null then
      '-' || bq_bignumeric_digits((-(struct_extract(value, '$floor') + 1))::varchar,
        100000000000000000000000000000000000000::hugeint - struct_extract(value, '$fraction'))
  end;

create or replace macro bq_string(value) as
  case typeof(value)
    when 'DOUBLE' then bq_from_double(value::varchar)
    when 'BLOB' then decode(value::varchar::blob)
    when 'TIMESTAMP WITH TIME ZONE' then bq_fraction(value::varchar)
    when 'TIMESTAMP' then bq_fraction(value::varchar)
    when 'TIME' then bq_fraction(value::varchar)
    else case when typeof(value) like 'STRUCT%' then bq_bignumeric_text(try_cast(value::varchar as struct("$floor" hugeint, "$fraction" hugeint)))
      when typeof(value) like 'DECIMAL%' then bq_from_decimal(value::varchar) else value::varchar end
  end;

create or replace macro bq_safe_int64(value) as
  case typeof(value)
    when 'VARCHAR' then
      case when regexp_full_match(trim(value::varchar), '[+-]?\d+') then try_cast(trim(value::varchar) as bigint)
        when regexp_full_match(value::varchar, '0[xX][0-9a-fA-F]+') then try_cast(value::varchar as bigint)
        when regexp_full_match(value::varchar, '-0[xX][0-9a-fA-F]+') then -try_cast(substr(value::varchar, 2) as bigint) end
    when 'DOUBLE' then try_cast(round(try_cast(value as double)) as bigint)
    else case when typeof(value) like 'DECIMAL%' then try_cast(round(try_cast(value as decimal(38,9))) as bigint) else try_cast(value as bigint) end
  end;
create or replace macro bq_int64(value) as
  coalesce(bq_safe_int64(value), case when value is not null then bq_refuse('int64', value::varchar)::bigint end);

create or replace macro bq_safe_bool(value) as
  case typeof(value)
    when 'VARCHAR' then case lower(value::varchar) when 'true' then true when 'false' then false end
    else try_cast(value as boolean)
  end;
create or replace macro bq_bool(value) as
  coalesce(bq_safe_bool(value), case when value is not null then bq_refuse('bool', value::varchar)::boolean end);

create or replace macro bq_bytes(value) as
  case typeof(value) when 'BLOB' then try_cast(value::varchar as blob) else encode(value::varchar) end;
-- The bytes of a literal.
create or replace macro bq_bytes_of_hex(value) as unhex(value);

create or replace macro bq_bignumeric_parts(whole, fraction, negative) as
  case when not negative then {'$floor': whole, '$fraction': fraction}
    when fraction = 0 then {'$floor': -whole, '$fraction': fraction}
    else {'$floor': -whole - 1, '$fraction': 100000000000000000000000000000000000000::hugeint - fraction} end;

-- At most 38 digits on each side of the point.
create or replace macro bq_safe_bignumeric(value) as
  case when typeof(value) like 'STRUCT%' then try_cast(value as struct("$floor" hugeint, "$fraction" hugeint))
    when regexp_full_match(trim(value::varchar), '[+-]?\d{1,38}(\.\d{0,38})?') then
      bq_bignumeric_parts(
        regexp_extract(trim(value::varchar), '^[+-]?(\d+)', 1)::hugeint,
        rpad(regexp_extract(value::varchar, '\.(\d*)', 1), 38, '0')::hugeint,
        starts_with(trim(value::varchar), '-'))
  end;
create or replace macro bq_bignumeric(value) as
  coalesce(bq_safe_bignumeric(value), case when value is not null then
    bq_refuse('bignumeric', value::varchar)::struct("$floor" hugeint, "$fraction" hugeint) end);

-- Numbers -------------------------------------------------------------------------------------------------------------

create or replace macro bq_divide(a, b) as
  case when b = 0 then error('division by zero: ' || bq_string(a) || ' / ' || bq_string(b))::double else a / b end;

-- The remainder has the sign of a.
create or replace macro bq_mod(a, b) as
  case when b = 0 then error('division by zero: MOD(' || bq_string(a) || ', ' || bq_string(b) || ')')::bigint else a % b end;

-- Zero divides too.
create or replace macro bq_ieee_divide(a, b) as a::double / b::double;

-- Text ----------------------------------------------------------------------------------------------------------------

-- %d, %s and %t of FORMAT write a value as CAST to STRING does, and NULL as a word.
create or replace macro bq_printed(value) as coalesce(bq_string(value), 'NULL');

create or replace macro bq_byte_length(value) as octet_length(bq_bytes(value));

-- A position of 0 or before the text is its beginning.
create or replace macro bq_substr_from(value, start) as
  case when start = 0 or start < -length(value) then 1 else start end;
create or replace macro bq_substr
  (value, start) as substr(value, bq_substr_from(value, start)),
  (value, start, size) as
    case when size < 0 then error('Third argument in SUBSTR() cannot be negative')
      else substr(value, bq_substr_from(value, start), size) end;

-- Dates ---------------------------------------------------------------------------------------------------------------

create or replace macro bq_unix_date(value) as date_diff('day', date '1970-01-01', value);

-- JSON as it is stored, and the JSON of any other value; a word for NULL. Numbers that JSON does not have are strings:
-- https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions#json_encodings
create or replace macro bq_to_json_string(value) as
  case when typeof(value) in ('DOUBLE', 'DOUBLE[]')
    then regexp_replace(coalesce(to_json(value)::varchar, 'null'), '-?Infinity|NaN', '"\0"', 'g')
    when typeof(value) like 'STRUCT("$floor"%[]' then '[' || array_to_string(list_transform(
      try_cast(value::varchar as struct("$floor" hugeint, "$fraction" hugeint)[]), lambda x: bq_bignumeric_text(x)), ',') || ']'
    when typeof(value) like 'DECIMAL%[]' then '[' || array_to_string(
      list_transform(try_cast(value::varchar as varchar[]), lambda x: bq_from_decimal(x)), ',') || ']'
    when typeof(value) like 'STRUCT("$floor"%' or typeof(value) like 'DECIMAL%' then coalesce(bq_string(value), 'null')
    when typeof(value) = 'BLOB[]' then
      to_json(list_transform(try_cast(value::varchar as varchar[]), lambda x: to_base64(x::blob)))::varchar
    when typeof(value) = 'BLOB' then coalesce('"' || to_base64(value::varchar::blob) || '"', 'null')
    else coalesce(to_json(value)::varchar, 'null') end;

-- Results -------------------------------------------------------------------------------------------------------------

-- Seconds have no fraction, or one of six digits.
create or replace macro bq_micros(text) as
  case when contains(text, '.') then rpad(text, (length(regexp_extract(text, '^[^.]*\.', 0)) + 6)::integer, '0') else text end;

-- Load jobs -----------------------------------------------------------------------------------------------------------

-- The text of a JSON value: a string without its quotes, any other value as written.
create or replace macro bq_json_text(raw) as
  case when starts_with(raw::varchar, '"') then
    case when contains(raw::varchar, '\') then raw ->> '$' else substr(raw::varchar, 2, length(raw::varchar) - 2) end
  else raw::varchar end;
