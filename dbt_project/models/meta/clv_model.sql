with

histories as (
    select
        customers,
        r,
        alpha,
        a,
        b,
        log_likelihood,
        p,
        q,
        v
    from {{ ref('int_customer_clv') }}
),

-- Every row of the scores has the same parameters; without customers this is still one row.
final as (
    select
        max(r) as r,
        max(alpha) as alpha,
        max(a) as a,
        max(b) as b,
        max(log_likelihood) as log_likelihood,
        max(p) as p,
        max(q) as q,
        max(v) as v,
        'weeks' as time_unit,
        cast(coalesce(sum(customers), 0) as bigint) as customers
    from histories
)

select * from final
