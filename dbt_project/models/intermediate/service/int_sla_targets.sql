-- The target of a category beats that of a channel, and that of both beats either: who asks joins
-- three times, with `any` in place of neither, of the channel, and of the category.
with

sla_targets as (
    select
        native_channel_id,
        category,
        target_seconds,
        clock
    from {{ ref('stg_reference__sla_targets') }}
),

channels as (
    select
        native_channel_id,
        channel_id
    from {{ ref('int_channels') }}
),

-- Two native ids may be one channel: the stricter target holds.
final as (
    select
        coalesce(channels.channel_id, 'any') as channel_id,
        coalesce(sla_targets.category, 'any') as category,
        sla_targets.target_seconds,
        sla_targets.clock
    from sla_targets
    left join channels on sla_targets.native_channel_id = channels.native_channel_id
    where sla_targets.native_channel_id is null or channels.channel_id is not null
    qualify
        row_number() over (
            partition by channels.channel_id, sla_targets.category
            order by sla_targets.target_seconds, sla_targets.clock
        ) = 1
)

select * from final
