resource "google_vpc_access_connector" "database" {
  count = try(var.vpc.network, null) == null ? 0 : 1

  name          = "cdc-vpc${local.suffix}"
  region        = var.region
  network       = var.vpc.network
  ip_cidr_range = var.vpc.ip_cidr_range
  machine_type  = "e2-micro"
  min_instances = 2
  max_instances = 3

  depends_on = [google_project_service.required]
}

locals {
  vpc_connector = length(google_vpc_access_connector.database) > 0 ? google_vpc_access_connector.database[0].id : try(var.vpc.connector, null)
}
