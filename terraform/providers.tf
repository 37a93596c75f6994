provider "google" {
  project        = var.project
  region         = var.region
  default_labels = local.labels

  # Some APIs, such as the Budgets API, accept a person's own credentials only with a project whose quota they use.
  billing_project       = var.project
  user_project_override = true
}
