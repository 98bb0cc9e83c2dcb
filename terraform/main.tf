data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name

  # The two APIs. Each has a function, a role, a log group and a front of its own.
  surfaces = toset(["events", "config"])

  table = var.create_table && var.store_url == null

  # The names are known before anything is made, and so is what the roles may do: a plan shows it.
  arn = {
    events = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.name}-events"
    config = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.name}-config"
    table  = "arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${var.name}"
    queue  = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}"
    dead   = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-dead-letters"
    logs   = { for s in local.surfaces : s => "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/${var.name}-${s}:*" }
  }
}
