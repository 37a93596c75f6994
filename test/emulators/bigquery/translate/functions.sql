-- GoogleSQL's functions and casts as macros of DuckDB; safe to repeat. Each keeps GoogleSQL's results for NULL, rounding
-- and refused input where DuckDB's function of that name differs. Types that a macro tells apart are named as DuckDB
-- names them.

-- Casts ---------------------------------------------------------------------------------------------------------------

create or replace macro bq_refuse(kind, value) as error('Bad ' || kind || ' value: ' || value);

create or replace macro bq_from_decimal(text) as
  case when contains(text, '.') then rtrim(rtrim(text, '0'), '.') else text end;

create or replace macro bq_from_double(text) as
  case text when 'nan' then 'NaN' when 'inf' then 'Infinity' when '-inf' then '-Infinity'
    else regexp_replace(text, '\.0$', '') end;

-- Seconds keep no fraction, three digits or six.
create or replace macro bq_fraction(text) as
  case when contains(text, '.') then
    regexp_extract(text, '^[^.]*\.', 0)
      || rpad(regexp_extract(text, '\.(\d+)', 1), case when length(regexp_extract(text, '\.(\d+)', 1)) > 3 then 6 else 3 end, '0')
      || regexp_extract(text, '\.\d+(.*)$', 1)
    else text end;

create or replace macro bq_bignumeric_digits(whole, fraction) as
  bq_from_decimal(whole || '.' || lpad(fraction::varchar, 38, '0'));

-- The number is its floor and, in units of 1e-38, what is above the floor.
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
    else case when typeof(value) like 'DECIMAL%' then bq_from_decimal(value::varchar) else value::varchar end
  end;

create or replace macro bq_safe_int64(value) as
  case typeof(value)
    when 'VARCHAR' then
      case when regexp_full_match(trim(value::varchar), '[+-]?\d+') then try_cast(trim(value::varchar) as bigint) end
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

create or replace macro bq_date(value) as value::date;
create or replace macro bq_datetime(value) as value::timestamp;
create or replace macro bq_time(value) as value::time;
create or replace macro bq_timestamp(value) as value::timestamptz;
create or replace macro bq_safe_string(value) as bq_string(value);
create or replace macro bq_bytes(value) as
  case typeof(value) when 'BLOB' then try_cast(value::varchar as blob) else encode(value::varchar) end;
create or replace macro bq_safe_bytes(value) as bq_bytes(value);

create or replace macro bq_bignumeric_parts(whole, fraction, negative) as
  case when not negative then {'$floor': whole, '$fraction': fraction}
    when fraction = 0 then {'$floor': -whole, '$fraction': fraction}
    else {'$floor': -whole - 1, '$fraction': 100000000000000000000000000000000000000::hugeint - fraction} end;

-- At most 38 digits on either side of the point.
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
create or replace macro bq_safe_divide(a, b) as case when b <> 0 then a / b end;
create or replace macro bq_div(a, b) as
  case when b = 0 then error('division by zero: ' || a || ' / ' || b)::bigint else a // b end;
create or replace macro bq_mod(a, b) as
  case when b = 0 then error('division by zero: ' || a || ' % ' || b)::bigint else a % b end;

-- Text and bytes ------------------------------------------------------------------------------------------------------

create or replace macro bq_length(value) as
  case typeof(value) when 'BLOB' then octet_length(try_cast(value::varchar as blob)) else length(value::varchar) end;
create or replace macro bq_byte_length(value) as
  case typeof(value) when 'BLOB' then octet_length(try_cast(value::varchar as blob)) else strlen(value::varchar) end;
create or replace macro bq_split(value, separator := ',') as
  case when value = '' then [''] else string_split(value, separator) end;
create or replace macro bq_regexp_contains(value, pattern) as regexp_matches(value, pattern);
create or replace macro bq_regexp_replace(value, pattern, replacement) as regexp_replace(value, pattern, replacement, 'g');
create or replace macro bq_md5(value) as unhex(md5(value));
create or replace macro bq_sha1(value) as unhex(sha1(value));
create or replace macro bq_sha256(value) as unhex(sha256(value));
create or replace macro bq_to_hex(value) as lower(hex(value));
create or replace macro bq_from_hex(value) as unhex(value);
create or replace macro bq_to_base64(value) as to_base64(value);
create or replace macro bq_from_base64(value) as from_base64(value);
create or replace macro bq_generate_uuid() as uuid()::varchar;

-- How FORMAT writes values: %t as CAST to STRING does, %T as a literal.
create or replace macro bq_printed(value) as coalesce(bq_string(value), 'NULL');
create or replace macro bq_literal(value) as
  case when value is null then 'NULL' else
    case typeof(value)
      when 'VARCHAR' then '"' || replace(replace(replace(value::varchar, '\', '\\'), '"', '\"'), chr(10), '\n') || '"'
      when 'JSON' then 'JSON ''' || value::varchar || ''''
      when 'DATE' then 'DATE "' || value::varchar || '"'
      when 'TIMESTAMP' then 'DATETIME "' || bq_string(value) || '"'
      when 'TIME' then 'TIME "' || bq_string(value) || '"'
      when 'TIMESTAMP WITH TIME ZONE' then 'TIMESTAMP "' || bq_string(value) || '"'
      when 'DOUBLE' then value::varchar
      else case when typeof(value) like 'DECIMAL%' then 'NUMERIC "' || bq_string(value) || '"' else bq_string(value) end
    end
  end;

-- JSON ----------------------------------------------------------------------------------------------------------------

create or replace macro bq_parse_json(value) as json(value::varchar);
create or replace macro bq_json_value(value, path := '$') as
  case when json_type(value::json, path) in ('OBJECT', 'ARRAY', 'NULL') then null else value::json ->> path end;
create or replace macro bq_json_query(value, path := '$') as
  case when typeof(value) = 'JSON' then (value::json -> path) else (value::json -> path) end;
-- Inside of structs and arrays DuckDB writes times, bytes and decimals in another way than BigQuery does.
create or replace macro bq_to_json_string(value) as
  case when value is null then 'null' else
    case typeof(value)
      when 'BIGINT' then value::varchar
      when 'DATE' then '"' || value::varchar || '"'
      when 'TIME' then '"' || bq_string(value) || '"'
      when 'TIMESTAMP' then '"' || replace(bq_string(value), ' ', 'T') || '"'
      when 'TIMESTAMP WITH TIME ZONE' then '"' || replace(replace(bq_string(value), ' ', 'T'), '+00', 'Z') || '"'
      when 'BLOB' then '"' || to_base64(try_cast(value::varchar as blob)) || '"'
      when 'DOUBLE' then case when value::varchar in ('nan', 'inf', '-inf') then '"' || bq_string(value) || '"' else bq_string(value) end
      else
        case when typeof(value) like 'DECIMAL%' then bq_string(value)
          when (typeof(value) like 'STRUCT%' or typeof(value) like '%[]')
            and regexp_matches(typeof(value), 'TIME|BLOB|DECIMAL|DOUBLE|\$floor')
            then error('The BigQuery stand-in does not support TO_JSON_STRING of ' || typeof(value))
          else to_json(value)::varchar end
    end
  end;
create or replace macro bq_to_json(value) as bq_to_json_string(value)::json;

-- Dates and times -----------------------------------------------------------------------------------------------------

create or replace macro bq_timestamp_micros(value) as make_timestamptz(value);
create or replace macro bq_timestamp_millis(value) as make_timestamptz(value * 1000);
create or replace macro bq_timestamp_seconds(value) as make_timestamptz(value * 1000000);
create or replace macro bq_unix_micros(value) as epoch_us(value);
create or replace macro bq_unix_millis(value) as (epoch_us(value) - (epoch_us(value) % 1000 + 1000) % 1000) // 1000;
create or replace macro bq_unix_seconds(value) as (epoch_us(value) - (epoch_us(value) % 1000000 + 1000000) % 1000000) // 1000000;
create or replace macro bq_unix_date(value) as date_diff('day', date '1970-01-01', value);
create or replace macro bq_date_from_unix_date(value) as (date '1970-01-01' + value::integer)::date;
create or replace macro bq_date_in_zone(value, zone) as (value::timestamptz at time zone zone)::date;
create or replace macro bq_datetime_in_zone(value, zone) as value::timestamptz at time zone zone;
create or replace macro bq_timestamp_in_zone(value, zone) as value::timestamp at time zone zone;
create or replace macro bq_date_of_parts(y, m, d) as make_date(y, m, d);

-- On the wire ---------------------------------------------------------------------------------------------------------

-- Seconds keep no fraction, or six digits.
create or replace macro bq_micros(text) as
  case when contains(text, '.') then rpad(text, (length(regexp_extract(text, '^[^.]*\.', 0)) + 6)::integer, '0') else text end;

-- Load jobs -----------------------------------------------------------------------------------------------------------

-- The text that a JSON value stands for: a string without its quotes, anything else as written.
create or replace macro bq_json_text(raw) as
  case when starts_with(raw::varchar, '"') then
    case when contains(raw::varchar, '\') then raw ->> '$' else substr(raw::varchar, 2, length(raw::varchar) - 2) end
  else raw::varchar end;
