-- app_inventory: the equipment of each project, from routers without an address to servers with parts.
insert into app_inventory
  (id, project_id, serial_number, asset_code, quantity, product_type_id, brand_id, model_id, customer_warranty_start,
   customer_warranty_end, product_warranty_start, product_warranty_end, support_level, install_location, building, floor, rack,
   hostname, function_description, purchase_price, memory_gb, storage_capacity, ip_address, part_detail, is_dummy, updated_at)
select
  n,
  seed.parent(n, seed.inventories(), seed.projects()),
  case when seed.chance(n, 'serial', 0.98)
    then seed.typed(n, 'serial', 'SN' || upper(to_hex(seed.between(n, 'serial number', 268435456, 4294967295)))) else '' end,
  case when seed.chance(n, 'asset', 0.6) then 'A-' || lpad(n::text, 8, '0') when seed.chance(n, 'asset', 0.8) then '' end,
  case when seed.chance(n, 'quantity', 0.9) then 1 else seed.between(n, 'how many', 2, 48) end,
  case when seed.chance(n, 'typed', 0.97) then seed.between(n, 'type', 1, seed.product_types()) end,
  case when model is not null then 1 + (model - 1) % seed.brands() when seed.chance(n, 'brand', 0.96)
    then seed.between(n, 'brand alone', 1, seed.brands()) end,
  model,
  warranty_start,
  warranty_start + (365 * seed.between(n, 'warranty years', 1, 5))::integer,
  warranty_start - seed.between(n, 'shipped', 0, 90)::integer,
  case when seed.chance(n, 'product warranty', 0.7) then warranty_start + (365 * 3) end,
  seed.pick(n, 'support', array['8x5 NBD', '24x7x4', '24x7x2', '', null]),
  seed.typed(n, 'location', seed.pick(n, 'location', array['ห้อง Server ชั้น 3', 'Head office', 'สาขาเชียงใหม่', 'DR site', 'Warehouse B'])),
  seed.pick(n, 'building', array['A', 'B', 'อาคาร 1', null]),
  seed.between(n, 'floor', 1, 40)::text,
  case when seed.chance(n, 'rack', 0.5) then 'R' || seed.between(n, 'rack number', 1, 60) end,
  'host-' || n,
  case when seed.chance(n, 'function', 0.1) then repeat('ใช้สำหรับระบบฐานข้อมูลและแอปพลิเคชัน / database and application. ',
    seed.between(n, 'function length', 1, 20)::integer) end,
  case when seed.chance(n, 'price', 0.8) then round((1000 + 900000 * seed.random(n, 'amount'))::numeric, 2) end,
  case when seed.chance(n, 'memory', 0.4) then (2 ^ seed.between(n, 'memory size', 2, 10))::integer end,
  case when seed.chance(n, 'storage', 0.4) then seed.random(n, 'storage size') * 100 end,
  case when seed.chance(n, 'address', 0.6) then inet '10.0.0.0' + seed.between(n, 'address number', 1, 16777214)
    when seed.chance(n, 'address', 0.7) then inet '2001:db8::' + n end,
  case when seed.chance(n, 'parts', 0.3) then jsonb_build_object(
      'disks', seed.between(n, 'disks', 1, 24), 'slots', jsonb_build_array(1, 2.5, null, 'ช่อง 4'), 'note', seed.typed(n, 'parts', 'ok'))
    when seed.chance(n, 'parts', 0.8) then '{}' end,
  seed.is_chosen(n, seed.dummy_inventories(), seed.inventories()),
  seed.saved_at(n, 'inventory')
from generate_series(1, seed.inventories()) as n,
  cast(case when seed.chance(n, 'warranty', 0.93)
    then seed.today() + 200 - seed.between(n, 'warranty day', 1, 12 * 365)::integer end as date) as warranty_start,
  cast(case when seed.chance(n, 'model', 0.94) then seed.between(n, 'which model', 1, seed.models()) end as bigint) as model;
