-- The source view of the equipment in projects: one row per inventory entry that is not a dummy. Safe to repeat.
create or replace view pmr_inventory as
select
  inventory.id as inventory_id,
  inventory.serial_number,
  inventory.customer_warranty_start,
  inventory.customer_warranty_end,
  brand.brand_name as brand,
  model.model_name as model,
  product_type.productype_name as product_type,
  inventory.project_id,
  inventory.updated_at
from app_inventory as inventory
left join app_brand as brand on brand.id = inventory.brand_id
left join app_model as model on model.id = inventory.model_id
left join app_product_type as product_type on product_type.id = inventory.product_type_id
where not inventory.is_dummy;
