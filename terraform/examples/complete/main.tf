# Most of what there is: hosted mode on a domain of your own, the Config API behind JWTs, a role that functions may name, keys that
# seal secrets, and alarms that reach somebody.

variable "zip" {
  description = "Path of the zip."
  type        = string
  default     = "../../../dist/event-gateway-lambda-arm64.zip"
}

variable "secret_keys" {
  description = "What `event-gateway keys create -kms URI FILE` wrote into FILE. Apply once with hosted = false to get the URI."
  type        = string
  default     = null
  sensitive   = true
}

variable "hosted" {
  description = "Whether each space has a host of its own. It needs secret_keys."
  type        = bool
  default     = false
}

variable "zone_id" {
  description = "Zone of example.com in Route 53."
  type        = string
}

variable "certificate_arn" {
  description = "Certificate for events.example.com, *.events.example.com and events-config.example.com."
  type        = string
}

variable "alarm_topic_arn" {
  description = "SNS topic that alarms are sent to."
  type        = string
}

module "event_gateway" {
  source = "../.."

  name         = "events"
  zip          = var.zip
  architecture = "arm64"
  tags         = { team = "platform" }

  events_function = {
    memory_mb               = 1024
    timeout_seconds         = 29
    reserved_concurrency    = 200
    provisioned_concurrency = 5
  }
  config_function = { reserved_concurrency = 10 }

  table_encryption = "module_key"
  secret_keys      = var.secret_keys

  queue_attempts            = 12
  queue_maximum_concurrency = 50

  assume_role_arns = ["arn:aws:iam::123456789012:role/shop-sender"]

  hosted                 = var.hosted
  domain_name            = "events.example.com"
  certificate_arn        = var.certificate_arn
  config_domain_name     = "events-config.example.com"
  config_certificate_arn = var.certificate_arn
  zone_id                = var.zone_id
  events_throttling      = { rate = 2000, burst = 4000 }

  config_auth = "JWT"
  jwt = {
    issuer   = "https://login.example.com/"
    audience = ["event-gateway"]
    scopes   = ["event-gateway/configure"]
  }

  log_retention_days = 90
  alarm_actions      = [var.alarm_topic_arn]
}

output "event_gateway" {
  value = module.event_gateway
}
